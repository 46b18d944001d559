# 兑现：常用命令。只需要 Python 3.11、make 和一个软件包源。
.DEFAULT_GOAL := help
PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/.ready
SERIF := /usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc
PACKAGES := policy matching models config services tasks flows cli web benchmarks
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq --no-input
# pip works on one core: two of them install parts of the lock beside each other.
PARTS := 0 1 2 3 4 5
export PIP_ROOT_USER_ACTION := ignore

.PHONY: help fonts install demo serve backup restore browser scanner authority units site test long hostile distributed fuzz faults check bench bench-notices bench-matching bench-compute bench-scale bench-engine bench-signin audit sbom lock clean

help:  ## 显示这份说明
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 18

install: $(READY) fonts  ## 安装到 .venv（按锁定的版本与校验值）
	@:

$(READY): requirements.lock pyproject.toml
	@echo "正在安装到 .venv（第一次需要几分钟）……"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@awk '/^pip==/ { on = 1; print; next } /^[^ ]/ { on = 0 } on' requirements.lock >.venv/pip.lock
	@$(PIP) install --require-hashes --no-deps -r .venv/pip.lock  # Python's own is old and takes half as long again
	@for part in $(PARTS); do \
		awk -v part=$$part '/^[a-z]/ { n++ } n % $(words $(PARTS)) == part' requirements.lock >.venv/lock.$$part; done
	@printf '%s\n' $(PARTS) | xargs -P 2 -I{} $(PIP) install --require-hashes --no-deps -r .venv/lock.{}
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

fonts:
	@ls $(SERIF) >/dev/null 2>&1 || { \
		echo "正在安装 PDF 用的宋体和西文字体……"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			fonts-noto-cjk fonts-liberation >/dev/null; } 2>/dev/null \
	|| echo "没有装成宋体（Debian 须有 root 权限），PDF 先用程序自带的黑体，内容不受影响。"

demo: $(READY) fonts  ## 演示：用示例数据走完 2025 年度，结束后列出结果
	@$(BIN)/duixian demo

serve: $(READY) fonts  ## 日常使用：启动各部件，Ctrl-C 停止
	@$(BIN)/duixian serve

backup: $(READY)  ## 备份，不用停机；TO=文件 写明备份到哪里
	@$(BIN)/duixian backup $(if $(TO),--to "$(TO)")

restore: $(READY)  ## 恢复到新的文件夹：make restore FILE=备份 TO=文件夹
	@test -n "$(FILE)" && test -n "$(TO)" || { echo "请写明备份和文件夹：make restore FILE=备份 TO=文件夹"; exit 2; }
	@$(BIN)/duixian restore "$(FILE)" --to "$(TO)"

browser:  ## 安装页面测试所用的浏览器和中文字体（Debian，须有 root 权限）
	@test -x $${DUIXIAN_TEST_BROWSER:-/usr/bin/chromium-headless-shell} || { \
		echo "正在安装浏览器和中文字体……"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			chromium-headless-shell fonts-noto-cjk >/dev/null; }

scanner:  ## 安装查毒测试所用的 clamd（Debian，须有 root 权限）
	@PATH=$$PATH:/usr/sbin:/usr/local/sbin; command -v clamd >/dev/null || { \
		echo "正在安装杀毒服务……"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			clamav-daemon >/dev/null; }

authority:  ## 安装时间戳测试所用的 openssl（Debian，须有 root 权限）
	@command -v openssl >/dev/null || { \
		echo "正在安装 openssl……"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			openssl >/dev/null; }

units:  ## 安装检查 systemd 单元所用的 systemd-analyze（Debian，须有 root 权限；不启动任何服务）
	@command -v systemd-analyze >/dev/null || { \
		echo "正在安装 systemd……"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			systemd >/dev/null; }

SITE := .venv/site

$(SITE)/.ready: $(READY) docs/site/requirements.lock
	@echo "正在安装生成文档网站的工具……"
	@test -x $(SITE)/bin/python || $(PYTHON) -m venv --without-pip $(SITE)
	@$(PIP) --python $(SITE)/bin/python install --require-hashes --no-deps -r docs/site/requirements.lock
	@touch $@

site: $(SITE)/.ready browser  ## 生成文档网站 build/site（先从示例年度截图，约一分钟）
	@$(BIN)/python -m pytest tests/browser/test_pictures.py tests/docs/test_site.py && echo "请打开 build/site/index.html"

# The tests' files in memory when there is room: a fifth of the time is waiting for the disk at each commit. And compiled
# modules are kept, whatever the environment says: several hundred processes are started.
MEMORY := $(shell test -w /dev/shm && test "$$(df -Pk /dev/shm | awk 'END { print $$4 }')" -gt 6000000 && echo TMPDIR=/dev/shm)

test: $(READY) $(SITE)/.ready browser scanner authority units fonts  ## 运行测试，包括浏览器里的每一页和运行中途被强行终止的年度（整年的演示等走得久的在 make long）
	@env -u PYTHONDONTWRITEBYTECODE $(MEMORY) $(BIN)/python -m pytest -n 4 --dist loadgroup

long: $(READY) browser fonts authority  ## 走得久的，make test 不试或只试其中一部分：整年的演示，浏览器里由各人走完的整年，三个阶段里运行被强行终止
	@env -u PYTHONDONTWRITEBYTECODE $(MEMORY) $(BIN)/python -m pytest -m long

faults: $(READY)  ## 故障测试（约三小时，走完的年度记在 tests/faults/years.jsonl，中断了再运行即接着做）：在每个提交点、在随机时刻强行结束各部件，结果写入 docs/reliability.md
	@$(BIN)/python -m pytest --hypothesis-profile=long --timeout=0 tests/faults/test_outbox_machine.py tests/faults/test_life_machine.py
	@$(BIN)/python -m tests.faults.commits
	@$(BIN)/python -m tests.faults.adversary

hostile: $(READY) scanner  ## 把全部恶意和损坏的文件送进每个入口，结果写进 docs/reliability.md（约半小时）
	@$(BIN)/python -m pytest -m "hostile or not hostile" tests/hostile
	@$(BIN)/python -m tests.hostile.report

distributed: $(READY) authority  ## 分开的部件：两个调度服务、两个执行器、PostgreSQL、Redis、nginx；几个市共用一个调度服务（Debian，须有 root 权限）
	@command -v redis-server >/dev/null && test -x /usr/sbin/nginx && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
		echo "正在安装 PostgreSQL、Redis 和 nginx……"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			postgresql redis-server nginx-light >/dev/null; }
	@$(BIN)/python -m pytest -m distributed tests/deploy

SECONDS ?= 600
fuzz: $(READY)  ## 随机试政策、导入和查重，SECONDS= 为秒数
	@$(BIN)/python -m tests.fuzz $(SECONDS)

check: $(READY)  ## 检查代码：ruff、mypy（严格）、import-linter
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy --strict --num-workers 2 $(PACKAGES)
	@$(BIN)/lint-imports --no-cache

bench: $(READY)  ## 测量速度，与同一次测量中的参照相比
	@$(BIN)/python -m benchmarks.startup
	@$(BIN)/python -W ignore -m benchmarks.deadline_rush
	@$(BIN)/python -W ignore -m benchmarks.application_lists
	@$(BIN)/python -m benchmarks.simulation

bench-notices: $(READY)  ## 测量发信：每秒封数，与同一次测量中直接发送的上限相比；中途强行终止后每封恰好一份
	@$(BIN)/python -m benchmarks.notices

bench-matching: $(READY) .venv/.bench  ## 测量查重：准确率、召回率、时间和内存，与同类工具在同一次测量中比较
	@$(BIN)/python -W ignore -m benchmarks.matching

bench-compute: $(READY) .venv/.bench  ## 测量测算：时间、内存和分毫不差的行数，与同类工具和文件库在同一次测量中比较
	@$(BIN)/python -W ignore -m benchmarks.compute

SIZES ?=
bench-scale: $(READY)  ## 测量规模：1 千、1 万件的年度在两种数据库上的时间和内存，写进 docs/scale.md；SIZES= 为件数
	@$(BIN)/python -W ignore -m benchmarks.scale $(SIZES)

bench-engine: $(READY)  ## 测量调度服务：1 千、1 万件的年度经过 Prefect 和 1、2、4 个执行器办理，与直接调用同样的业务函数相比，写进 docs/scale.md（约 50 分钟）；SIZES= 为件数
	@$(BIN)/python -W ignore -m benchmarks.scale.engine $(SIZES)

bench-signin: $(READY)  ## 测量登录被拒要多久：有的和没有的登录名分不分得出来，写进 docs/reliability.md
	@$(BIN)/python -W ignore -m benchmarks.signin_timing

.venv/.bench: $(READY) requirements-bench.lock
	@echo "正在安装用来比较的工具……"
	@$(PIP) install --require-hashes --no-deps -r requirements-bench.lock
	@touch $@

AUDIT := .venv/audit

$(AUDIT)/.ready: $(READY) .ci/audit.lock
	@echo "正在安装检查依赖的工具……"
	@test -x $(AUDIT)/bin/python || $(PYTHON) -m venv --without-pip $(AUDIT)
	@$(PIP) --python $(AUDIT)/bin/python install --require-hashes --no-deps -r .ci/audit.lock
	@touch $@

audit: $(AUDIT)/.ready  ## 检查依赖有没有公开的漏洞；查不到漏洞库时说明，AUDIT_REQUIRED=1 时算失败
	@$(BIN)/python .ci/audit.py $(AUDIT)/bin/pip-audit requirements.lock

sbom: $(AUDIT)/.ready  ## 写出软件物料清单 build/sbom.json（CycloneDX）
	@mkdir -p build
	@$(AUDIT)/bin/cyclonedx-py requirements requirements.lock --pyproject pyproject.toml --output-reproducible \
		--of JSON -o build/sbom.json && echo "已写出 build/sbom.json"

COMPILE := $(BIN)/pip-compile --quiet --strip-extras --allow-unsafe --generate-hashes \
	--no-header --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

lock: $(READY)  ## 按 pyproject.toml 重新锁定依赖
	@$(COMPILE) --extra dev --extra distributed --output-file requirements.lock pyproject.toml
	@cp requirements.lock requirements-bench.lock  # what is locked there keeps its version
	@$(COMPILE) --extra dev --extra distributed --extra bench --output-file requirements-bench.lock pyproject.toml
	@$(COMPILE) --output-file .ci/audit.lock .ci/audit.in
	@$(COMPILE) --output-file docs/site/requirements.lock docs/site/requirements.in

clean:  ## 删除虚拟环境、缓存和演示数据（不动 var/work）
	@rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis var/demo
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
