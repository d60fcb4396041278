"""Metadata that says that a photo was colorized: an XMP packet with the terms of the IPTC."""

from __future__ import annotations

import functools

from chromahint import __version__

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""A picture of a camera, some of which was made by a trained model: its colors."""

_PACKET = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmp:CreatorTool="Chromahint {version}"
 Iptc4xmpExt:DigitalSourceType="{source_type}">
<dc:description><rdf:Alt>
<rdf:li xml:lang="x-default">Colorized: the colors are not those of the scene.</rdf:li>
</rdf:Alt></dc:description>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


@functools.cache
def colorized_xmp() -> bytes:
    """Return the XMP packet of a colorized photo."""
    return _PACKET.format(version=__version__, source_type=DIGITAL_SOURCE_TYPE).encode()
