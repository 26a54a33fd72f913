"""An exporter: one line of comma-separated values per message, for a spreadsheet.

rtmpscope export CAPTURE --plugin plugins/csv_export.py --format csv -o messages.csv
"""

import csv

from rtmpscope.model import DIRECTIONS, Message
from rtmpscope.rtmp.messages import type_slug

COLUMNS = ("number", "time_ns", "connection", "direction", "type", "timestamp", "length")


class CsvExporter:
    def __init__(self, output):
        self.writer = csv.writer(output)
        self.writer.writerow(COLUMNS)

    def event(self, event, connection):
        if isinstance(event, Message):
            direction, slug = DIRECTIONS[event.direction], type_slug(event.type_id)
            self.writer.writerow(
                (event.number, event.time_ns, connection.id, direction, slug, event.timestamp, event.length)
            )

    def finish(self):
        pass


def register(registry):
    registry.exporter("csv", CsvExporter)
