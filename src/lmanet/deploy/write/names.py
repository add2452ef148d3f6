"""Names of classes, which are anyone's text, as string literals of C."""

import re

# What stands in a literal, and in a comment, as it is. A question mark may begin a trigraph, a
# slash a comment or its end.
PLAIN = re.compile(rb"[A-Za-z0-9 _.,:;+=()\[\]<>#&|~^%$!@'-]")


def c_string(name: str) -> str:
    """A literal whose bytes are the name in UTF-8, of printable ASCII alone.

    All that is not plain becomes three octal digits, which unlike hexadecimal ones end by
    themselves. A zero byte would end the string early, and half a character has no bytes: both
    become a question mark.
    """
    content = name.replace("\0", "?").encode("utf-8", "replace")
    return (
        '"'
        + "".join(chr(byte) if PLAIN.match(bytes((byte,))) else f"\\{byte:03o}" for byte in content)
        + '"'
    )
