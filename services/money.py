"""Money as people read it: from integer fen to 元, 万元 and 大写, exactly."""

from decimal import Decimal

_LONGEST_CAPITALS_FEN = 10**18  # cn2an names 16 digits of yuan


def decimal_yuan(fen: int) -> Decimal:
    """The amount in yuan with two decimals."""
    return Decimal(fen).scaleb(-2)


def plain_yuan(fen: int) -> str:
    """The amount in yuan for machines and cells: 1234567.89."""
    return f"{decimal_yuan(fen):.2f}"


def yuan(fen: int) -> str:
    """The amount in yuan for readers: 1,234,567.89."""
    return f"{decimal_yuan(fen):,.2f}"


def wan(fen: int) -> str:
    """The amount in 万元 for readers, every digit kept: 123.456789 or 50."""
    value = Decimal(fen).scaleb(-6)
    digits = f"{value:,.6f}".rstrip("0")
    return digits.removesuffix(".")


def capitals(fen: int) -> str:
    """The amount in 大写 (正确填写票据和结算凭证的基本规定): 壹佰贰拾叁万肆仟伍佰陆拾柒元捌角玖分.

    Raises ValueError below zero and from 10^16 yuan on, for which there is no usual writing.
    """
    if not 0 <= fen < _LONGEST_CAPITALS_FEN:
        raise ValueError(f"金额 {plain_yuan(fen)} 元不能写成大写：只能写 0 元至 1 亿亿元之间的金额，请核对。")
    import cn2an  # takes half a second: only the documents' runs pay for it

    return str(cn2an.an2cn(plain_yuan(fen), "rmb"))
