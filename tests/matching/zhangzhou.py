"""Matching as the bureau of Zhangzhou does it: its counties and zones are known by name."""

from functools import partial

import matching

HOME = matching.home_of(
    "漳州市人民政府办公室",
    [
        *("芗城区", "龙文区", "龙海区", "长泰区", "漳浦县", "云霄县", "诏安县", "东山县", "南靖县", "平和县", "华安县"),
        *("漳州开发区", "常山开发区", "古雷开发区", "漳州台商投资区", "漳州高新区"),
    ],
)
match = partial(matching.match, home=HOME)
again = partial(matching.again, home=HOME)
within = partial(matching.within, home=HOME)
Search = partial(matching.Search, home=HOME)
