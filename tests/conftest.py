"""Fixtures for the black-box tests. `product` is one running instance for the whole session; a test that kills or
reconfigures things starts its own with `start_product`."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lib.product import Product  # noqa: E402


@pytest.fixture(scope="session")
def product():
    instance = Product()
    try:
        yield instance.start()
    finally:
        instance.close()


@pytest.fixture
def start_product():
    """start_product(options=[…], environment={…}) → a running Product, stopped after the test."""
    instances = []

    def start(wait=True, **arguments):
        instance = Product(**arguments)
        instances.append(instance)
        return instance.start(wait)

    yield start
    for instance in instances:
        instance.close()


@pytest.fixture
def login(product):
    """login("county1.doctor") → a signed-in requests session that takes paths."""
    return product.login


@pytest.fixture
def token(product):
    """token("county1.doctor", "dicomweb") → bearer token text."""
    return product.token


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    instance = item.funcargs.get("product") if hasattr(item, "funcargs") else None
    if report.failed and instance is not None:
        report.sections.append(("product logs", instance.report()))
