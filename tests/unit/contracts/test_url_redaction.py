"""What lets somebody in is cut from addresses; everything else stays readable."""

import json

import pytest

from heliograph.contracts.url_redaction import redact_presigned_urls

S3 = (
    "https://s3.example/heliograph/demo/a.png?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    "&X-Amz-Credential=AKIA%2F20260101&X-Amz-Expires=900&X-Amz-Signature=canary"
)


@pytest.mark.parametrize(
    "address",
    [
        S3,
        S3.replace("X-Amz", "x-amz"),
        "https://storage.googleapis.com/b/a?X-Goog-Credential=x&X-Goog-Signature=canary",
        "https://acc.blob.core.windows.net/c/a.png?sv=2024&se=2026&sig=canary",
        "https://d1.cloudfront.net/a.mp4?Expires=1&Signature=canary&Key-Pair-Id=K1",
        "https://cdn.example/a.png?id=3&token=canary",
        "https://gen.example/v1/a?api_key=canary",
        "http://127.0.0.1:9000/a?AWSAccessKeyId=x&Signature=canary",
    ],
)
def test_the_signature_is_cut_and_the_place_stays(address: str) -> None:
    place = address.partition("?")[0]
    sent = {"image_urls": [address], "prompt": f"like {address} but blue", "n": 1}

    assert redact_presigned_urls(sent) == {
        "image_urls": [f"{place}?…"],
        "prompt": f"like {place}?… but blue",
        "n": 1,
    }


def test_an_answer_that_holds_addresses_as_json_is_cut_too() -> None:
    """As it came: with slashes and ampersands escaped, and without an end."""
    raw = json.dumps({"input": {"image": S3}, "output": [S3]})
    escaped = raw.replace("/", "\\/").replace("&", "\\u0026")

    for text in (raw, escaped, raw[: raw.index("AKIA") + 4], json.dumps(raw)):
        cut = redact_presigned_urls(text)
        assert "canary" not in cut
        assert "AKIA" not in cut
    assert json.loads(redact_presigned_urls(raw))["output"] == [S3.partition("?")[0] + "?…"]


def test_what_is_not_signed_stays() -> None:
    sent = ["https://example.com/picture.php?id=3&w=200", "is this it? key=c minor", None, 4.5]

    assert redact_presigned_urls(sent) == sent
