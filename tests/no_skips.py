"""A pytest plugin for runs that must test everything (pytest -p tests.no_skips): a skipped test fails the run.

Only what nobody but root may do (capture, mount, make namespaces) can be left out, by everybody else.
"""

import os

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", [])
    if os.geteuid() != 0:
        skipped = [report for report in skipped if "only root may" not in report.longrepr[2]]
    if skipped:
        reporter.section("skipped, which fails this run")
        for report in skipped:
            reporter.line(f"{report.nodeid}: {report.longrepr[2]}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
