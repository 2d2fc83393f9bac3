"""Two hundred file names that want to be more than text."""

from __future__ import annotations

BAD_PIECES = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)//",
    "<img src=x onerror=alert(3)>",
    '" onload="alert(4)',
    "'><svg/onload=alert(5)>",
    "<!--",
    "-->",
    "]]>",
    "{{ 7*7 }}",
    "{% raw %}",
    "&lt;b&gt;",
    "\u2028",
    "\u202egnp.exe",
    "\udc80",
    "new\nline",
    "javascript:alert(6)",
    "<style>*{display:none}</style>",
    "</title>",
    "\x00",
    "漢字 ß 😀",
]
HOSTILE = tuple(f"{piece}{i}.png" for i in range(10) for piece in BAD_PIECES)
