"""The plugin's zip as anybody may fetch it: with this installation's address in it, and cacheable."""

from __future__ import annotations

import io
import zipfile

ADDRESS = "/plugin/woocommerce/regulars.zip"


def test_the_zip_names_the_installation_it_came_from(client, context):
    answer = client.get(ADDRESS)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="regulars.zip"'
    packed = zipfile.ZipFile(io.BytesIO(answer.data))
    assert f"'{context.settings.app_url}'".encode() in packed.read("regulars/regulars-app.php")
    assert packed.testzip() is None


def test_a_cache_that_has_it_is_told_so(client):
    answer = client.get(ADDRESS)
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    again = client.get(ADDRESS, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
