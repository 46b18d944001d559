"""More applications than the sample has: simple ones of made-up enterprises, handed in beside it."""

from pathlib import Path

from cli.demo.acting import World
from config.sample import generator
from services.application import applications

MANY = 202  # with the sample's 98: 300
_MEASURE = {
    "measure": "compute-purchase",
    "sheet": "购买算力服务补助",
    "facts": {"service_fee": "当年实际支付的算力服务费", "province_refused": "省级未予补助"},
}
_COUNTIES = (
    "芗城区",
    "龙文区",
    "龙海区",
    "长泰区",
    "漳浦县",
    "云霄县",
    "诏安县",
    "东山县",
    "南靖县",
    "平和县",
    "华安县",
)


def hand_in(world: World) -> None:
    """Take them into the year, which is at its intake; the same file again adds nothing."""
    path = world.folder / "crowd.xlsx"
    write(path)
    applications.import_applications(
        *world.at, world.people.operator, settings=world.settings, cycle_id=world.cycle_id, path=path
    )


def write(path: Path) -> None:
    """Their workbook."""
    enterprises = {
        f"crowd{number:03}": {
            "name": f"漳州示例{number:03}号智能科技有限公司",
            "county": _COUNTIES[number % len(_COUNTIES)],
            "code": 2000 + number,
        }
        for number in range(MANY)
    }
    rows = [
        {
            "e": key,
            "p": f"{enterprises[key]['name'][2:7]}训练算力",
            "i": [key],
            "f": {"service_fee": 110000 + 997 * place},
        }
        for place, key in enumerate(enterprises)
    ]
    table = generator._application_table({**_MEASURE, "rows": rows}, 50, enterprises)
    generator._write_workbook(
        path, [(_MEASURE["sheet"], ["示例数据", f"措施：{_MEASURE['sheet']}（{_MEASURE['measure']}）"], table)]
    )
