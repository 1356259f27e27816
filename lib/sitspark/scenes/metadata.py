"""XML metadata of a product."""

from xml.etree.ElementTree import Element, ParseError, fromstring

from sitspark.errors import SitsparkError
from sitspark.scenes.container import Container


def read_xml(product: Container, member: str) -> Element:
    """The root element of an XML file of a product; raises SitsparkError for one that is damaged."""
    try:
        return fromstring(product.read_text(member))
    except ParseError as error:
        raise SitsparkError(f"{product.location}: {member} is no XML ({error}); fetch the product again") from None


def number(root: Element, tag: str, **attributes: str) -> float | None:
    """The number in the first element of that name and attributes, in whatever namespace and depth; None where none is."""
    found = next(
        (e for e in root.iter() if e.tag.rpartition("}")[2] == tag and attributes.items() <= e.attrib.items()),
        None,
    )
    if found is None or found.text is None:
        return None
    try:
        return float(found.text)
    except ValueError:
        return None
