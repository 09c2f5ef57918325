"""The pages for operators say what is so: settings, metrics, health and the files for containers are read, not believed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric

from bot.domain.action import Action
from bot.providers.registry import facts_of, slugs
from bot.telemetry import REGISTRY
from tests import providers_page, settings_page
from tests.log_scanner import PATTERNS
from tests.providers.benches import BENCHES

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
FIRST_CHECK = (ROOT / "docs" / "first-live-check.md").read_text()
ADDING = (ROOT / "docs" / "adding-a-provider.md").read_text()
PROVIDERS = (ROOT / "docs" / "providers.md").read_text()


def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return read


# --- settings and metrics ---


def test_the_page_of_settings_is_what_the_settings_say() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == settings_page.page(), "run `make docs`"


def test_the_page_of_providers_is_what_the_adapters_say() -> None:
    assert providers_page.PAGE.read_text() == providers_page.page(), "run `make docs`"


def test_the_table_in_the_readme_is_what_the_adapters_say() -> None:
    readme = providers_page.README.read_text()
    assert (readme.count(providers_page.BEGIN), readme.count(providers_page.END)) == (1, 1)
    assert readme == providers_page.with_table(readme), "run `make docs`"


def test_every_provider_says_what_its_key_needs_and_what_to_know() -> None:
    for slug in slugs():
        facts = facts_of(slug)
        assert any(not permission.is_optional for permission in facts.permissions), slug
        assert facts.quirks, slug
        assert all(quirk.endswith(".") for quirk in facts.quirks)
        lacking = [action for action in Action if action not in facts.capabilities]
        assert [action for action in lacking if not facts.instead.get(action, "").endswith(".")] == []


def _name(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _labels(metric: Metric) -> list[str]:
    collector = REGISTRY._names_to_collectors[metric.name]
    return list(getattr(collector, "_labelnames", ()))


def test_every_metric_is_in_the_table_with_its_type_and_labels_and_no_other_is() -> None:
    rows = re.findall(r"^\| `(recoup_\w+)` \| (\w+) \|([^|]*)\|", OPERATIONS, re.MULTILINE)
    told = {name: (kind, re.findall(r"`(\w+)`", labels)) for name, kind, labels in rows}
    assert told == {_name(metric): (metric.type, _labels(metric)) for metric in REGISTRY.collect()}


def test_no_metric_has_a_label_for_a_person_or_an_invoice() -> None:
    labels = {label for metric in REGISTRY.collect() for label in _labels(metric)}
    allowed = {"decided", "action", "state", "kind", "result", "digest", "part", "version", "account", "method", "outcome"}
    assert labels <= allowed


# --- what operators read ---


@pytest.mark.parametrize("file", ["bot/health.py", "bot/web.py"])
def test_every_problem_that_health_tells_has_a_section(file: str) -> None:
    text = (ROOT / file).read_text()
    begun = set(re.findall(r"\"(database|slack|worker|digests|health): ", text)) | {
        part for part in ("database", "digests") if f'_within("{part}"' in text
    }
    assert begun <= set(re.findall(r"^#### `(\w+): ", OPERATIONS, re.MULTILINE))


def test_every_alert_to_the_operators_has_a_section() -> None:
    sources = [*(ROOT / "bot").rglob("*.py"), *(ROOT / "handlers").rglob("*.py")]
    alerts = {found for file in sources for found in re.findall(r"\"((?:digest|database)_\w+)\"", file.read_text())}
    told = set(re.findall(r"^#### `((?:digest|database)_\w+)`", OPERATIONS, re.MULTILINE))
    known = {"digest_not_posted", "digest_failed", "database_restored"}
    assert known <= told
    assert alerts & known == told


def test_every_event_that_the_page_names_is_logged_somewhere() -> None:
    code = "\n".join(file.read_text() for folder in ("bot", "handlers") for file in (ROOT / folder).rglob("*.py"))
    events = re.findall(r"^\| `(\w+\.\w+)` \|", OPERATIONS, re.MULTILINE)
    assert len(events) > 8
    assert [event for event in events if f'"{event}"' not in code] == []


@pytest.mark.parametrize(
    "page",
    [OPERATIONS, ARCHITECTURE, FIRST_CHECK, ADDING, PROVIDERS],
    ids=["operations", "architecture", "first-live-check", "adding-a-provider", "providers"],
)
def test_every_file_and_page_that_is_named_exists(page: str) -> None:
    named = set(re.findall(r"`((?:bot|handlers|tests|docs)/[\w/.]+?\.\w+)`", page))
    named |= {f"docs/{link}" for link in re.findall(r"\]\(([\w-]+\.md)", page)}
    assert named
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


# --- the first check of an account ---


@pytest.mark.parametrize("slug", slugs())
async def test_every_statement_that_is_tried_stands_on_the_page_with_what_relies_on_it(slug: str) -> None:
    checks = await BENCHES[slug]().open().live_checks()
    rows = re.findall(r"^\| (.+?) \| .+? \| (.+?) \|$", FIRST_CHECK, re.MULTILINE)
    relied_on = dict(rows)
    assert [check.statement for check in checks if "bot/providers/" not in relied_on.get(check.statement, "")] == []


def test_every_name_that_the_page_gives_is_in_the_file_that_it_gives() -> None:
    named = [(file, name) for file, name in re.findall(r"`(bot/[\w/]+\.py)` \(`(\w+)`\)", FIRST_CHECK)]
    named += [(file, name) for name, file in re.findall(r"`(\w+)`\s+in\s+`(bot/[\w/]+\.py)`", FIRST_CHECK)]
    assert len(named) > 30
    assert [(file, name) for file, name in named if not re.search(rf"\b{name}\b", (ROOT / file).read_text())] == []


def test_every_customer_that_the_contract_asks_for_is_on_the_page_for_contributors() -> None:
    contract = "\n".join(file.read_text() for file in (ROOT / "tests" / "providers").glob("test_contract*.py"))
    asked = set(re.findall(r"magic=\"(\w+)\"", contract))
    asked |= {
        name
        for names in re.findall(r"parametrize\(\"magic\", \[([^\]]*)\]", contract)
        for name in re.findall(r"\w+", names)
    }
    assert "stolen_card" in asked
    assert sorted(name for name in asked if f"`{name}`" not in ADDING) == []


# --- containers ---


def test_compose_migrates_once_before_the_bot_and_keeps_the_database_to_itself() -> None:
    services = compose()["services"]
    assert set(services) == {"database", "migrate", "recoup"}
    assert services["migrate"]["command"] == ["migrate"]
    assert services["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert services["recoup"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert "ports" not in services["database"]
    assert services["recoup"]["restart"] == "unless-stopped"
    assert services["migrate"].get("restart", "no") == "no"


def test_compose_s_database_outlives_its_container_and_says_when_it_is_ready() -> None:
    database = compose()["services"]["database"]
    (volume,) = database["volumes"]
    assert volume.split(":")[0] in compose()["volumes"]
    assert "pg_isready" in " ".join(database["healthcheck"]["test"])


def test_compose_mounts_the_configuration_read_only_and_listens_on_this_machine_alone() -> None:
    recoup = compose()["services"]["recoup"]
    assert [mount for mount in recoup["volumes"] if mount.endswith("recoup.toml:ro")]
    assert all(port.startswith("127.0.0.1:") for port in recoup["ports"])


def test_compose_starts_three_replicas_with_a_port_and_the_time_to_drain_for_each() -> None:
    recoup = compose()["services"]["recoup"]
    (ports,) = recoup["ports"]
    first, last = ports.split(":")[1].split("-")
    assert recoup["deploy"]["replicas"] == int(last) - int(first) + 1 == 3
    assert int(recoup["stop_grace_period"].removesuffix("s")) > 25


@pytest.mark.parametrize("name", ["compose.yaml", "Dockerfile"])
def test_no_secret_lies_in_a_file_for_containers(name: str) -> None:
    text = (ROOT / name).read_text()
    assert [kind for kind in ("a token of Slack", "a key of the provider") if PATTERNS[kind].search(text)] == []
    passwords = re.findall(r"(?i)password\w*[:=]\s*(\S+)", text)
    assert all(value.startswith("${") for value in passwords)


def test_the_image_runs_without_rights_and_without_what_built_it() -> None:
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    assert len(stages) == 2
    last = stages[1]
    assert re.search(r"^USER \S+$", last, re.MULTILINE)
    assert "pip install" not in last
    assert "apt-get" not in last
    assert "RECOUP_HTTP__HOST=0.0.0.0" in last
    assert "HEALTHCHECK" in last
    assert "/healthz" in last


def test_what_is_copied_into_the_image_exists_and_is_not_ignored() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert sources
    assert [source for source in sources if not (ROOT / source).exists() or source in ignored] == []
