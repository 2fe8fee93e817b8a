"""Settings come from the environment and `.env`, and what they leave out is derived."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from heliograph.runtime.settings import ServiceSettings
from heliograph.runtime.startup import read_settings
from services.gateway.settings import GatewaySettings
from services.render.settings import RenderSettings
from services.status.settings import StatusSettings
from services.storage.settings import StorageSettings


def test_defaults_are_those_of_the_contract() -> None:
    settings = ServiceSettings()

    assert settings.home == Path(".heliograph")
    assert settings.host == "127.0.0.1"
    assert (settings.gateway_url, settings.status_url) == (
        "http://127.0.0.1:8080",
        "http://127.0.0.1:8081",
    )
    assert (settings.storage_url, settings.render_url) == (
        "http://127.0.0.1:8082",
        "http://127.0.0.1:8083",
    )
    assert settings.nats == "nats://127.0.0.1:4222"
    assert (settings.s3_port, settings.s3_endpoint) == (9000, None)
    assert settings.auth == "off"


# -- where they come from


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_GATEWAY_PORT", "9090")

    assert ServiceSettings().gateway_url == "http://127.0.0.1:9090"


def test_a_file_called_env_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HELIOGRAPH_STATUS_PORT=9091\n# a comment\nOTHER=1\n")

    assert ServiceSettings().status_port == 9091


def test_the_environment_comes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("HELIOGRAPH_STATUS_PORT=9091\n")
    monkeypatch.setenv("HELIOGRAPH_STATUS_PORT", "9092")

    assert ServiceSettings().status_port == 9092


def test_an_argument_comes_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_STATUS_PORT", "9092")

    assert ServiceSettings(status_port=9093).status_port == 9093


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GATEWAY_PORT", "65536"),
        ("GATEWAY_PORT", "http"),
        ("NATS_PORT", "0"),
        ("AUTH", "none"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("ACK_WAIT", "0"),
        ("SHUTDOWN_GRACE_PERIOD", "-1"),
    ],
)
def test_an_invalid_value_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"HELIOGRAPH_{name}", value)

    with pytest.raises(ValidationError, match=name.lower()):
        ServiceSettings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        ServiceSettings().host = "127.0.0.2"  # type: ignore[misc]  # that is the point


# -- lists


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", []),
        ("https://a.example", ["https://a.example"]),
        (
            "https://a.example, http://localhost:5173,",
            ["https://a.example", "http://localhost:5173"],
        ),
    ],
)
def test_origins_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, origins: list[str]
) -> None:
    monkeypatch.setenv("HELIOGRAPH_ALLOWED_ORIGINS", text)

    assert ServiceSettings().allowed_origins == origins


def test_origins_can_be_a_list_in_code() -> None:
    assert ServiceSettings(allowed_origins=["https://a.example"]).allowed_origins == [
        "https://a.example"
    ]


# -- doors


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "localhost", "::1"])
def test_without_keys_loopback_addresses_are_bound(host: str) -> None:
    assert ServiceSettings(host=host).host == host


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.com", "", "localhost."])  # noqa: S104
def test_without_keys_other_addresses_are_refused(host: str) -> None:
    with pytest.raises(ValidationError, match="HELIOGRAPH_AUTH=off needs a loopback address"):
        ServiceSettings(host=host)


# -- what is derived


@pytest.mark.parametrize("service", ["", "status_", "storage_"])
def test_a_public_address_is_used_as_it_is_without_its_last_slash(service: str) -> None:
    settings = ServiceSettings.model_validate({f"{service}public_url": "https://h.example/sub/"})

    derived = getattr(settings, f"{service or 'gateway_'}url")
    assert derived == "https://h.example/sub"


def test_render_is_reached_inside_the_deployment_only() -> None:
    settings = ServiceSettings(public_url="https://h.example", render_port=9083)

    assert settings.render_url == "http://127.0.0.1:9083"


def test_another_host_is_in_every_address() -> None:
    settings = ServiceSettings(host="localhost", nats_port=5222)

    assert settings.gateway_url == "http://localhost:8080"
    assert settings.nats == "nats://localhost:5222"


def test_an_address_of_ipv6_is_in_brackets() -> None:
    settings = ServiceSettings(host="::1")

    assert settings.gateway_url == "http://[::1]:8080"
    assert settings.nats == "nats://[::1]:4222"
    assert settings.s3 == "http://[::1]:9000"


def test_an_outside_server_is_used_instead_of_the_bundled_one() -> None:
    settings = ServiceSettings(nats_url="nats://nats.example:4222")

    assert settings.nats == "nats://nats.example:4222"
    assert settings.nats_login == "nats://nats.example:4222"
    assert settings.nats_monitor_login is None


def test_an_outside_server_may_be_monitored() -> None:
    settings = ServiceSettings(
        nats_url="nats://nats.example:4222", nats_monitor_url="http://nats.example:8222"
    )

    assert settings.nats_monitor_url == "http://nats.example:8222"


def test_the_bundled_nats_has_credentials_that_stay() -> None:
    login = urlsplit(ServiceSettings().nats_login)

    assert login.username
    assert len(login.password or "") >= 40
    assert ServiceSettings().nats_login == login.geturl()
    assert ServiceSettings().folder.nats_credentials_file.stat().st_mode & 0o777 == 0o600


def test_the_home_is_where_the_process_was_started(tmp_path: Path) -> None:
    assert ServiceSettings().folder.path == tmp_path / ".heliograph"
    assert ServiceSettings(home=Path("/elsewhere")).folder.path == Path("/elsewhere")


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELIOGRAPH_S3_SECRET_KEY", "canary")

    settings = ServiceSettings()

    assert settings.s3_secret_key is not None
    assert settings.s3_secret_key.get_secret_value() == "canary"
    assert "canary" not in repr(settings)
    assert "canary" not in settings.model_dump_json()


@pytest.mark.parametrize(
    "settings", [ServiceSettings, GatewaySettings, RenderSettings, StatusSettings, StorageSettings]
)
def test_an_error_shows_no_value(
    monkeypatch: pytest.MonkeyPatch, settings: type[ServiceSettings]
) -> None:
    monkeypatch.setenv("FAL_KEY", "canary")
    monkeypatch.setenv("HELIOGRAPH_S3_SECRET_KEY", "canary")
    monkeypatch.setenv("HELIOGRAPH_NATS_URL", "nats://user:canary#7@nats.example:4222")
    monkeypatch.setenv("HELIOGRAPH_HOST", "0.0.0.0")  # noqa: S104  # that is the mistake

    with pytest.raises(ValidationError) as refused:
        settings()

    assert "canary" not in str(refused.value)
    assert "nats_url" in str(refused.value)


@pytest.mark.parametrize("url", ["nats.example:4222", "http://nats.example", "nats://h:port"])
def test_an_address_that_is_not_of_nats_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="nats_url"):
        ServiceSettings(nats_url=url)


def test_hosts_of_a_cluster_are_shown_without_credentials() -> None:
    settings = ServiceSettings(nats_url="nats://user:secret@n0:4222,nats://user:secret@n1")

    assert settings.nats_hosts == ["n0:4222", "n1:4222"]


def test_one_wrong_server_of_a_cluster_is_refused() -> None:
    with pytest.raises(ValidationError, match="nats_url"):
        ServiceSettings(nats_url="nats://n0:4222,n1")


# -- what can never match is refused, by name


@pytest.mark.parametrize(
    ("origin", "hint"),
    [
        ("*", "any page"),
        ("null", "any page"),
        ("app.example", "not an origin"),
        ("localhost:5173", "not an origin"),
        ("https://app.example/console", "not an origin"),
        ("https://app.example/?a=b", "not an origin"),
        ("https://*.example", "not an origin"),
        ("https://user@app.example", "not an origin"),
        ("https://", "not an origin"),
        ("https://App.example", "write 'https://app.example'"),
        ("HTTPS://app.example", "write 'https://app.example'"),
        ("https://app.example:443", "write 'https://app.example'"),
        ("http://app.example:80/", "write 'http://app.example'"),
    ],
)
def test_an_origin_that_no_browser_sends_is_refused(origin: str, hint: str) -> None:
    with pytest.raises(ValidationError, match="allowed_origins") as error:
        ServiceSettings(allowed_origins=[origin])

    assert hint in str(error.value)


@pytest.mark.parametrize(
    ("origin", "kept"),
    [
        ("https://app.example/", "https://app.example"),
        ("http://localhost:5173", "http://localhost:5173"),
        ("http://[::1]:5173", "http://[::1]:5173"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_an_origin_that_browsers_send_is_kept_without_a_slash(origin: str, kept: str) -> None:
    assert ServiceSettings(allowed_origins=[origin]).allowed_origins == [kept]


@pytest.mark.parametrize("name", ["provider_hosts", "reference_hosts"])
@pytest.mark.parametrize(
    "host", ["https://cdn.example", "cdn.example/path", "*", "cdn.*.example", "cdn.example:443"]
)
def test_a_host_that_no_address_has_is_refused(name: str, host: str) -> None:
    with pytest.raises(ValidationError, match=name):
        ServiceSettings.model_validate({name: host})


@pytest.mark.parametrize("name", ["provider_hosts", "reference_hosts"])
def test_hosts_may_be_domains_and_have_ports(name: str) -> None:
    settings = ServiceSettings.model_validate({name: "CDN.example, *.Media.example,10.0.0.7:9555"})

    assert getattr(settings, name) == ["cdn.example", "*.media.example", "10.0.0.7:9555"]


@pytest.mark.parametrize("name", ["s3_endpoint", "s3_public_endpoint"])
@pytest.mark.parametrize(
    "url",
    [
        "s3.example:9000",
        "s3://bucket",
        "https://key:canary@s3.example",
        "https://s3.example?canary=1",
        "https://",
        "http://[",
    ],
)
def test_a_store_has_an_address_of_the_web(name: str, url: str) -> None:
    with pytest.raises(ValidationError, match=name) as error:
        ServiceSettings.model_validate({name: url})

    assert "canary" not in str(error.value)


def test_a_store_is_at_the_root_of_its_host_and_a_proxy_may_have_it_below_a_path() -> None:
    with pytest.raises(ValidationError, match="it has a path"):
        ServiceSettings(s3_endpoint="https://s3.example/bucket")

    settings = ServiceSettings(s3_public_endpoint="https://site.example/app/store/")
    assert settings.s3_public_endpoint == "https://site.example/app/store"


def test_a_store_may_have_a_slash_at_its_end() -> None:
    assert ServiceSettings(s3_endpoint="https://s3.example/").s3 == "https://s3.example"


@pytest.mark.parametrize("name", ["public_url", "status_public_url", "storage_public_url"])
@pytest.mark.parametrize(
    "url", ["h.example", "ws://h.example", "https://h.example?x=1", "https://a:b@h.example"]
)
def test_a_public_address_is_one_of_the_web(name: str, url: str) -> None:
    with pytest.raises(ValidationError, match=name):
        ServiceSettings.model_validate({name: url})


@pytest.mark.parametrize("region", ["", "eu central", "eu/1", "x" * 65])
def test_a_region_is_one_word(region: str) -> None:
    with pytest.raises(ValidationError, match="s3_region"):
        ServiceSettings(s3_region=region)


# -- secrets in files


def test_a_file_in_the_folder_of_secrets_is_a_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "heliograph_s3_secret_key").write_text("in a file\n")
    (tmp_path / "fal_key").write_text("another")
    monkeypatch.setenv("HELIOGRAPH_SECRETS_DIR", str(tmp_path))

    settings = ServiceSettings()

    assert settings.s3_secret_key
    assert settings.s3_secret_key.get_secret_value() == "in a file"
    assert settings.usable_providers == ["fal"]


def test_an_empty_file_of_a_provider_is_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fal_key").write_text("")
    monkeypatch.setenv("HELIOGRAPH_SECRETS_DIR", str(tmp_path))

    assert ServiceSettings().usable_providers == []


def test_the_environment_comes_before_files_of_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "HELIOGRAPH_S3_BUCKET").write_text("filed")
    monkeypatch.setenv("HELIOGRAPH_SECRETS_DIR", str(tmp_path))
    assert ServiceSettings().s3_bucket == "filed"

    monkeypatch.setenv("HELIOGRAPH_S3_BUCKET", "set")

    assert ServiceSettings().s3_bucket == "set"


def test_a_folder_of_secrets_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HELIOGRAPH_SECRETS_DIR", str(tmp_path / "none"))

    with pytest.raises(SystemExit, match="2"):
        read_settings(ServiceSettings)

    assert "HELIOGRAPH_SECRETS_DIR" in capsys.readouterr().err


# -- where a service listens, and by which name others reach it


def test_what_is_bound_and_what_is_advertised_may_differ() -> None:
    settings = ServiceSettings(host="0.0.0.0", advertised_host="render", auth="keys")  # noqa: S104

    assert settings.render_url == "http://render:8083"
    assert settings.storage_url == "http://render:8082"


def test_an_advertised_host_has_no_port() -> None:
    with pytest.raises(ValidationError, match="has a port"):
        ServiceSettings(advertised_host="render:8083")
