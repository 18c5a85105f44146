"""The API, described for programs and for people."""

from functools import cache
from importlib.resources import files

from aws_lambda_powertools.event_handler.openapi import swagger_ui


@cache
def document() -> str:
    """The OpenAPI document, which `make openapi` writes."""
    return files(__package__ or "").joinpath("openapi.json").read_text()


@cache
def page() -> str:
    """The same as Swagger UI, with its script and style in the page: a browser loads nothing from elsewhere."""
    assets = files(swagger_ui)
    script, style = (assets.joinpath(f"swagger-ui{name}").read_text() for name in ("-bundle.min.js", ".min.css"))
    spec = document().replace("</", "<\\/")  # which would end the script
    return swagger_ui.generate_swagger_html(spec, script, style, "", None)
