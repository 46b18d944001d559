"""What the made-up enterprises and items are called. No name is a real enterprise's."""

CITIES = ("漳州", "厦门", "泉州", "福州", "莆田", "三明", "南平", "龙岩", "宁德")
COUNTIES = ("芗城", "龙文", "龙海", "长泰", "漳浦", "云霄", "诏安", "东山", "平和", "南靖", "华安")
SYLLABLES = (
    "云启智海远拓星辰华景泰和瑞丰创新捷达恒信博雅明德睿思凌风卓越天元弘毅金石长青同方联众合力盛世永利嘉禾润泽普惠"
    "锦程鸿图骏驰聚贤维嘉荣晟旭日东岳西林北极南山"
)
_INDUSTRIES = """
智能科技 信息技术 软件 数据服务 机器人 电子 自动化设备 光电科技 网络科技 物联网科技 人工智能科技
云计算 新材料 精密机械 食品工业 生物科技 医疗器械 环保科技 新能源 智能装备 数字科技 工业互联网
供应链管理 文化传媒 教育科技 农业科技 水产科技 家居 包装 汽车零部件
"""
INDUSTRIES = tuple(_INDUSTRIES.split())
FORMS = ("有限公司", "有限责任公司", "股份有限公司")
_OBJECTS = """
注塑件 钟表机芯 罐头食品 冷链物流 港口集装箱 蜜柚果园 石斛种植 水产养殖 家具板材 汽车线束 电池模组
光伏组件 金属包装 医学影像 病理切片 闽南语语音 政务热线 税务票据 园区能耗 污水处理 化工装置
钢铁轧制 纺织面料 陶瓷釉面 茶叶分级 菌菇工厂 文旅客流 校园安防 电梯运行 桥梁结构 台风灾情 近海渔船
海缆巡检 无人机航测 智慧工地 仓储搬运 芯片封装 显示面板 五金冲压 印刷套色
"""
OBJECTS = tuple(_OBJECTS.split())
_TECHNIQUES = """
视觉质检 缺陷检测 大模型问答 知识图谱 数字孪生 预测性维护 智能调度 能耗优化 语音识别 图像分割
强化学习控制 边缘计算 视频分析 需求预测 自动标注 机器人分拣 远程监测 工艺参数优化 风险预警 算力服务
"""
TECHNIQUES = tuple(_TECHNIQUES.split())
KINDS = ("系统", "平台", "产线改造", "应用示范", "研发及产业化", "中心", "数据集", "解决方案")
ENDINGS = ("项目", "建设项目", "", "工程")
PHASES = ("一期", "二期", "三期")
# The same thing in other words, as ledgers keyed in by others have it.
SYNONYMS = {
    "建设项目": "项目",
    "系统": "平台系统",
    "应用示范": "示范应用",
    "研发及产业化": "研发与产业化",
    "产线改造": "生产线改造",
    "视觉质检": "机器视觉质量检测",
    "缺陷检测": "瑕疵检测",
    "大模型问答": "大语言模型问答",
    "智能调度": "智慧调度",
    "能耗优化": "能源优化",
    "风险预警": "风险监测预警",
}
# What is written, and what a scanner or a tired eye makes of it; and simplified characters beside traditional ones.
CONFUSED = dict(zip("己末日天土大电金东人公石明云方泰风海", "已未曰夭士太甩全乐入么右朋去万秦凤诲", strict=True))
TRADITIONAL = dict(zip("华创达联众长云泽远区东电机数据软网图", "華創達聯眾長雲澤遠區東電機數據軟網圖", strict=True))
