"""A small policy that tests start from."""

BASE = """id: base
number: 虚政〔2025〕1号
title: 虚构
issuer: 虚构市
issued: 2025-01-01
valid: {from: 2025-01-01, to: 2027-12-31}
statistics_from: 2025-01-01
provisions: {overlap: top_up}
bureaus:
  - {id: industry, name: 市工信局}
measures:
  - id: fee
    title: 服务费补助
    clause: 第一条
    quote: 按50%补助。
    lead: industry
    responsible: []
    applicants: [企业]
    facts:
      - {name: fee, label: 服务费, type: money}
      - {name: level, label: 级别, type: choice, choices: [国家级, 省级]}
      - {name: persons, label: 人数, type: integer}
    parameters:
      - {name: rate, label: 比例, type: rate, value: 50%}
      - {name: threshold, label: 起点, type: money, value: 10万元}
    conditions:
      - id: minimum
        expression: fee >= threshold and persons > 0 and level == '省级'
        reason: 服务费 {fee}，不足 {threshold}
    steps:
      - {name: subsidy, label: 补助, expression: fee * rate}
    award: subsidy
"""
