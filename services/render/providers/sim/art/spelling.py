"""Spells any text in the glyphs of the bundled font, which knows little more than ASCII."""

import unicodedata

GLYPHS = {chr(code) for code in range(32, 127)} | set("©«°±´·»‘’“”…‹›⁄™")


def legible(text: str) -> str:
    """
    The text in characters that can be lettered, its spaces made plain.

    Greek and Cyrillic are spelled in Latin. Accented letters stay as they are, and so do the
    characters of other scripts: both are drawn, not typed.
    """
    spaced = "".join(" " if unicodedata.category(sign) in _GAPS else sign for sign in text)
    composed = unicodedata.normalize("NFC", spaced)
    spelled = "".join(map(_spelled, composed))
    return "".join(sign for sign in spelled if unicodedata.category(sign) not in _UNSEEN)


def _spelled(sign: str) -> str:
    if sign in GLYPHS:
        return sign
    plain = unicodedata.normalize("NFKC", sign)
    bare = unicodedata.normalize("NFD", sign)[0]
    return _SPELLINGS.get(sign) or _SPELLINGS.get(bare) or plain


def _spellings(table: str) -> dict[str, str]:
    """From "ж=zh": the letter, and its capital if it has one."""
    small = dict(pair.split("=", 1) for pair in table.split())
    large = {sign.upper(): latin.capitalize() for sign, latin in small.items()}
    return {sign: latin for sign, latin in large.items() if len(sign) == 1} | small


_GAPS = {"Cc", "Zl", "Zp", "Zs"}
_UNSEEN = {"Cf", "Mc", "Me", "Mn"}
_SPELLINGS = _spellings("""
    ß=ss ẞ=SS æ=ae œ=oe ø=o ł=l đ=d ð=d þ=th ı=i ŋ=ng
    α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f χ=ch
    ψ=ps ω=o
    а=a б=b в=v г=g ґ=g д=d е=e ж=zh з=z и=i й=y к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f х=kh
    ц=ts ч=ch ш=sh щ=shch ъ=’ ы=y ь=’ э=e ю=yu я=ya є=ye і=i ї=yi ђ=dj ј=j љ=lj њ=nj ћ=c џ=dz
    ‐=- ‑=- ‒=- –=- —=- ―=- −=- ‚=, „=“ •=· ×=x ÷=/ →=-> ←=<- €=EUR £=GBP ¥=YEN ¿=? ¡=!
""")
