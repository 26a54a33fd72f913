"""A pytest plugin for runs that must test everything (pytest -p tests.no_skips): a skipped test fails the run."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", [])
    if skipped:
        reporter.section("skipped, which fails this run")
        for report in skipped:
            reporter.line(f"{report.nodeid}: {report.longrepr[2]}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
