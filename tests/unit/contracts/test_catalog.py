"""The catalog loads as one consistent whole, or says which line of which file is wrong."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from heliograph.contracts.catalog import inconsistencies, provider_of
from heliograph.contracts.ids import MODEL_PATTERN, PROJECT_PATTERN, matches
from heliograph.contracts.jobs import Cost
from heliograph.contracts.models import Model
from heliograph.contracts.prices import Price
from heliograph.runtime.catalog.load import read_catalog
from heliograph.runtime.catalog.schema_checks import wrong_presets, wrong_schemas
from heliograph.runtime.catalog.yaml_files import SECTIONS, SHIPPED, CatalogFileError
from tests.support.records import CATALOG

Overlay = Callable[[str, str], Path]

KIND = """
poster:
  lane: portraits
  media: image
  model: sim/picture
  expected_seconds: 10
  timeout_seconds: 120
"""
MODEL = """
sim/other:
  title: Another one
  endpoint: other
  media: image
"""


@pytest.fixture
def overlay(tmp_path: Path) -> Overlay:
    """Writes an operator's file for a section."""

    def write(section: str, text: str) -> Path:
        file = tmp_path / f"my-{section}.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def refusal(**overlays: Path) -> str:
    """What the operator reads."""
    with pytest.raises(CatalogFileError) as error:
        read_catalog(overlays)
    return str(error.value)


# -- what ships


def test_the_shipped_files_are_consistent() -> None:
    assert list(inconsistencies(CATALOG)) == []


def test_the_shipped_models_have_valid_schemas_and_presets() -> None:
    assert list(wrong_schemas(CATALOG)) == []
    assert list(wrong_presets(CATALOG)) == []


def test_the_shipped_lanes_have_the_caps_of_the_architecture() -> None:
    caps = {name: lane.cap for name, lane in CATALOG.lanes.items()}

    assert caps == {"cast": 4, "portraits": 6, "shots": 6, "video": 8, "text": 4}


def test_the_shipped_kinds_have_the_lanes_of_the_architecture() -> None:
    lanes = {name: kind.lane for name, kind in CATALOG.kinds.items()}

    assert lanes == {
        "cast_ref": "cast",
        "image": "portraits",
        "portrait": "portraits",
        "character_reference": "portraits",
        "shot": "shots",
        "video": "video",
        "trailer": "video",
        "scenes": "text",
    }


@pytest.mark.parametrize(
    ("kind", "seconds"),
    [
        ("portrait", 10),
        ("cast_ref", 12),
        ("character_reference", 30),
        ("shot", 60),
        ("video", 120),
        ("scenes", 20),
    ],
)
def test_the_shipped_kinds_take_the_time_of_the_architecture(kind: str, seconds: int) -> None:
    assert CATALOG.kinds[kind].expected_seconds == seconds


@pytest.mark.parametrize("name", CATALOG.models)
def test_a_shipped_model_has_a_name_that_requests_can_say(name: str) -> None:
    assert matches(MODEL_PATTERN, name)
    assert CATALOG.account_for(name) in CATALOG.accounts


@pytest.mark.parametrize("kind", CATALOG.kinds)
def test_the_templates_of_a_shipped_kind_can_be_filled(kind: str) -> None:
    entry = CATALOG.kinds[kind]

    assert "{boat}" in entry.prompt_template.format(prompt="{boat}")
    both = entry.edit_template.format(prompt="{boat}", edit_prompt="{night}")
    assert "{boat}" in both
    assert "{night}" in both


def test_the_schema_of_parameters_refuses_what_it_does_not_know() -> None:
    schema = CATALOG.models["sim/picture"].schema_of_parameters()

    assert schema["additionalProperties"] is False
    assert "seed" in schema["properties"]


# -- overlays


def test_an_overlay_adds_an_entry(overlay: Overlay) -> None:
    catalog = read_catalog({"kinds": overlay("kinds", KIND)})

    assert catalog.kinds["poster"].timeout_seconds == 120
    assert catalog.kinds["image"] == CATALOG.kinds["image"]


def test_an_overlay_replaces_an_entry_as_a_whole(overlay: Overlay) -> None:
    catalog = read_catalog({"kinds": overlay("kinds", KIND.replace("poster", "shot"))})

    assert CATALOG.kinds["shot"].parameters == {"aspect_ratio": "16:9"}
    assert catalog.kinds["shot"].parameters == {}
    assert catalog.kinds["shot"].expected_seconds == 10


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "{}\n"])
def test_an_empty_overlay_changes_nothing(overlay: Overlay, text: str) -> None:
    assert read_catalog({"lanes": overlay("lanes", text)}) == CATALOG


def test_overlays_may_depend_on_each_other(overlay: Overlay) -> None:
    kind = KIND.replace("lane: portraits", "lane: posters").replace("sim/picture", "sim/other")

    catalog = read_catalog(
        {
            "lanes": overlay("lanes", "posters: {cap: 2}\n"),
            "models": overlay("models", MODEL),
            "kinds": overlay("kinds", kind),
        }
    )

    assert catalog.kinds["poster"].model == "sim/other"


def test_a_name_that_looks_like_a_number_is_a_name(overlay: Overlay) -> None:
    assert "1" in read_catalog({"lanes": overlay("lanes", "1: {cap: 2}\n")}).lanes


# -- mistakes


@pytest.mark.parametrize(
    ("section", "text", "line", "reason"),
    [
        pytest.param("kinds", "a: 1\nb: [\n", 3, "node content", id="syntax"),
        pytest.param("kinds", "a:\n\t- 1\n", 2, "cannot start any token", id="tab"),
        pytest.param("kinds", "- a\n- b\n", 1, "names of kinds", id="a list"),
        pytest.param("lanes", "just words\n", 1, "names of lanes", id="a text"),
        pytest.param(
            "kinds", KIND.replace("portraits", "posters"), 3, "no lane 'posters'", id="lane"
        ),
        pytest.param(
            "kinds", KIND.replace("sim/picture", "sim/x"), 5, "no model 'sim/x'", id="model"
        ),
        pytest.param(
            "kinds",
            KIND.replace("sim/picture", "sim/motion"),
            5,
            "sim/motion produces video, but the kind requires image",
            id="media",
        ),
        pytest.param(
            "kinds",
            KIND.replace("  timeout_seconds: 120\n", ""),
            2,
            "timeout_seconds: Field required",
            id="missing field",
        ),
        pytest.param(
            "kinds", KIND.replace("120", "soon"), 7, "should be a valid number", id="wrong type"
        ),
        pytest.param("kinds", KIND.replace("120", "0"), 7, "greater than 0", id="out of bounds"),
        pytest.param("kinds", f"{KIND}  colour: red\n", 8, "Extra inputs", id="unknown field"),
        pytest.param("kinds", "poster: 5\n", 1, "should be a valid dictionary", id="no entry"),
        pytest.param("lanes", "cast:\n  cap: 0\n", 2, "greater than or equal to 1", id="cap"),
        pytest.param("accounts", "me: {provider: sim, cap: 0}\n", 1, "or equal to 1", id="account"),
        pytest.param("models", "other: {}\n", 1, "Field required", id="empty entry"),
        pytest.param(
            "models", MODEL.replace("sim/other", "other"), 2, "should match pattern", id="name"
        ),
        pytest.param(
            "models",
            MODEL.replace("sim/other", "acme/other"),
            2,
            "provider 'acme' has no account",
            id="no account",
        ),
        pytest.param(
            "models",
            f"{MODEL}  min_references: 2\n  max_references: 1\n",
            6,
            "more than max_references",
            id="references",
        ),
        pytest.param(
            "models",
            f"{MODEL}  price:\n    amount: cheap\n",
            7,
            "valid decimal",
            id="deep inside",
        ),
    ],
)
def test_a_mistake_is_named_by_file_line_and_reason(
    overlay: Overlay, section: str, text: str, line: int, reason: str
) -> None:
    file = overlay(section, text)

    message = refusal(**{section: file})

    assert message.startswith(f"{file}:{line}: ")
    assert reason in message


def test_every_mistake_is_reported_at_once(overlay: Overlay) -> None:
    file = overlay("lanes", "a: {cap: 0}\nb: {cap: 1, size: 2}\nc: {}\n")

    lines = refusal(lanes=file).splitlines()

    assert [line.split(": ")[0] for line in lines] == [f"{file}:{n}" for n in (1, 2, 3)]


def test_an_error_that_an_overlay_causes_elsewhere_is_reported_there(
    overlay: Overlay,
) -> None:
    message = refusal(accounts=overlay("accounts", "sim: {provider: acme}\n"))

    of_sim = [name for name in CATALOG.models if provider_of(name) == "sim"]
    assert len(message.splitlines()) == len(of_sim)
    assert all(str(SHIPPED / "models.yaml") in line for line in message.splitlines())


@pytest.mark.parametrize("section", SECTIONS)
def test_a_file_that_is_not_there_is_named(tmp_path: Path, section: str) -> None:
    file = tmp_path / "nowhere.yaml"

    assert refusal(**{section: file}) == f"{file}: No such file or directory"


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert refusal(kinds=tmp_path) == f"{tmp_path}: Is a directory"


def test_a_field_missing_from_a_replaced_entry_is_a_mistake_of_the_overlay(
    overlay: Overlay,
) -> None:
    file = overlay("kinds", KIND.replace("poster", "shot").replace("  timeout_seconds: 120\n", ""))

    assert refusal(kinds=file).startswith(f"{file}:2: ")


@pytest.mark.parametrize("data", [b"a: \xff\xfe\n", b"a: \x07\n"], ids=["not UTF-8", "a bell"])
def test_a_catalog_file_that_is_not_text_is_named(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "kinds.yaml"
    file.write_bytes(data)

    assert refusal(kinds=file).startswith(f"{file}")


@pytest.mark.parametrize(
    ("section", "text"),
    [
        ("lanes", "very.fast: {cap: 1}\n"),
        ("lanes", "very fast: {cap: 1}\n"),
        ("accounts", "my account: {provider: sim}\n"),
        ("kinds", KIND.replace("poster", "poster/large")),
        ("models", MODEL.replace("sim/other", "sim/other/one")),
    ],
    ids=["a dot", "a space", "an account", "a slash", "two slashes"],
)
def test_a_name_that_cannot_travel_is_refused(overlay: Overlay, section: str, text: str) -> None:
    assert "should match pattern" in refusal(**{section: overlay(section, text)})


@pytest.mark.parametrize(
    "template",
    [
        "prompt_template: '{promt}'",
        "prompt_template: '{prompt} {edit_prompt}'",
        "prompt_template: '{prompt.text}'",
        "edit_template: '{}'",
        "edit_template: '{'",
    ],
)
def test_a_template_that_cannot_be_filled_is_found_at_once(overlay: Overlay, template: str) -> None:
    file = overlay("kinds", f"{KIND}  {template}\n")

    message = refusal(kinds=file)

    assert message.startswith(f"{file}:8: ")
    assert "cannot be filled with prompt" in message


@pytest.mark.parametrize("schema", ["type: integr", "pattern: '('", "enum: 5", "minimum: low"])
def test_a_parameter_that_nothing_can_satisfy_is_found_at_once(
    overlay: Overlay, schema: str
) -> None:
    file = overlay("models", f"{MODEL}  parameters:\n    seed:\n      {schema}\n")

    assert refusal(models=file).startswith(f"{file}:8: models.sim/other.parameters.seed.")


def test_a_model_whose_provider_has_no_adapter_is_refused(overlay: Overlay) -> None:
    file = overlay("models", MODEL.replace("sim/other", "acme/other"))
    accounts = overlay("accounts", "acme: {provider: acme}\n")

    message = refusal(models=file, accounts=accounts)

    assert message.startswith(f"{file}:2: models.acme/other: provider 'acme' has no adapter")


@pytest.mark.parametrize("name", ["model", "prompt", "n", "seed", "num_images", "image_urls"])
def test_an_argument_that_requests_say_elsewhere_is_refused(overlay: Overlay, name: str) -> None:
    lists = f"  wire: {{references: image_urls}}\n  arguments:\n    {name}: {{}}\n"
    file = overlay("models", f"{MODEL}{lists}")

    assert refusal(models=file).startswith(f"{file}:8: models.sim/other.arguments.{name}: ")


def test_an_argument_that_nothing_can_satisfy_is_found_at_once(overlay: Overlay) -> None:
    file = overlay("models", f"{MODEL}  arguments:\n    raw:\n      type: integr\n")

    assert refusal(models=file).startswith(f"{file}:8: models.sim/other.arguments.raw.")


# -- prices


def a_model(price: Price, /, **parameters: Any) -> Model:
    return Model(endpoint="e", media="image", title="t", price=price, parameters=parameters)


@pytest.mark.parametrize(
    ("unit", "parameters", "cost"),
    [
        ("request", {}, "0.25"),
        ("request", {"num_images": 4, "duration_seconds": 9}, "0.25"),
        ("image", {}, "0.25"),
        ("image", {"num_images": 4}, "1.00"),
        ("second", {"duration_seconds": 5}, "1.25"),
        ("second", {"duration_seconds": 2.5}, "0.625"),
    ],
)
def test_a_price_is_per_unit(unit: Any, parameters: dict[str, Any], cost: str) -> None:
    model = a_model(Price(amount=Decimal("0.25"), unit=unit))

    assert model.estimate(parameters) == Decimal(cost)


def test_a_price_of_nothing_is_free() -> None:
    assert a_model(Price()).estimate({"num_images": 4}) == 0


@pytest.mark.parametrize(
    ("arguments", "cost"), [({}, "0"), ({"price": 0.1}, "0.1"), ({"price": "0.0030"}, "0.0030")]
)
def test_a_parameter_can_name_the_price(arguments: dict[str, Any], cost: str) -> None:
    model = a_model(Price(parameter="price"))

    assert model.estimate(arguments) == Decimal(cost)


def test_prices_add_up_without_rounding() -> None:
    assert a_model(Price(amount=Decimal("0.1"), unit="image")).estimate({"num_images": 3}) == (
        Decimal("0.3")
    )


@pytest.mark.parametrize(
    ("price", "parameter", "cost"),
    [
        (Price(amount=Decimal("0.25"), unit="image"), "num_images", "1.25"),
        (Price(amount=Decimal("0.25"), unit="second"), "duration_seconds", "1.25"),
        (Price(parameter="price"), "price", "5"),
    ],
)
def test_what_is_left_out_is_charged_by_the_default_of_the_model(
    price: Price, parameter: str, cost: str
) -> None:
    model = a_model(price, **{parameter: {"type": "integer", "default": 5}})

    assert model.estimate({}) == Decimal(cost)
    assert model.estimate({parameter: 0}) == 0


@pytest.mark.parametrize(("amount", "written"), [("1E-7", "0.0000001"), ("1E+2", "100")])
def test_money_is_written_without_an_exponent(amount: str, written: str) -> None:
    assert Price(amount=Decimal(amount)).model_dump(mode="json")["amount"] == written
    assert Cost(estimated=Decimal(amount)).model_dump(mode="json")["estimated"] == written


@pytest.mark.parametrize(
    ("wire", "parameters", "usual"),
    [
        ({}, {}, 1),
        ({}, {"num_images": {"type": "integer", "default": 3}}, 3),
        ({"count": "n", "fixed": {"n": 4}}, {"num_images": {"default": 2}}, 4),
        ({"fixed": {"num_images": "many"}}, {}, 1),
    ],
)
def test_a_model_has_a_usual_number_of_outputs(
    wire: dict[str, Any], parameters: dict[str, Any], usual: int
) -> None:
    fields = {"endpoint": "e", "media": "image", "title": "t", "wire": wire}

    assert Model.model_validate({**fields, "parameters": parameters}).usual_outputs == usual


# -- names


@pytest.mark.parametrize("name", ["sim/picture", "sim/a/b", "sim"])
def test_the_provider_of_a_model_is_what_comes_before_the_slash(name: str) -> None:
    assert provider_of(name) == "sim"


@pytest.mark.parametrize("name", [*CATALOG.lanes, *CATALOG.kinds, *CATALOG.accounts])
def test_shipped_names_fit_into_subjects(name: str) -> None:
    assert matches(PROJECT_PATTERN, name)


def test_a_model_without_an_account_has_none_to_pay_it() -> None:
    assert CATALOG.account_for("acme/picture") is None


# -- what is taken when nobody names a model


@pytest.mark.parametrize(
    ("kind", "model"),
    [("scenes", "gemini/gemini-2.5-pro"), ("character_reference", "replicate/imagen-4")],
)
def test_a_preferred_model_is_taken_where_its_provider_has_a_key(kind: str, model: str) -> None:
    without = CATALOG.without({provider_of(model)})

    assert CATALOG.model_for(CATALOG.kinds[kind]) == model
    assert without.model_for(CATALOG.kinds[kind]) == CATALOG.kinds[kind].model


def test_a_preferred_model_that_takes_no_references_is_not_taken_for_some() -> None:
    kind = CATALOG.kinds["character_reference"]

    assert CATALOG.model_for(kind, references=True) == kind.model


def test_a_preset_is_checked_like_a_request(overlay: Overlay) -> None:
    preset = "  presets:\n    tall:\n      aspect_ratio: 1:9\n"
    reason = refusal(models=overlay("models", f"{MODEL}{preset}"))

    assert "my-models.yaml:7: models.sim/other.presets.tall" in reason


def test_a_model_lists_its_parameters() -> None:
    silent, speaking = CATALOG.models["fal/veo-3.1-silent"], CATALOG.models["fal/veo-3.1"]

    assert set(speaking.supports) - set(silent.supports) == {"sound"}
    assert speaking.aspect_ratios == ["16:9", "9:16"]
    assert "references" not in speaking.supports
    assert "prompt_alone" not in CATALOG.models["fal/kling-2.1-master"].supports
