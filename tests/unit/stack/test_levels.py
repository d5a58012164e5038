import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.stack.levels import LEVELS, level_of


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("time=2026-11-22T20:49:08.188Z level=WARN source=routes.go:1768", "warning"),
        ("1:C 22 Nov 2026 20:40:28.996 # overcommit is off", "warning"),
        ("1:M 22 Nov 2026 20:40:28.996 - Accepted 127.0.0.1:1234", "debug"),
        ("[GIN] 2026/11/22 - 20:49:08 | 503 |      44.379µs |       127.0.0.1 | HEAD", "error"),
        ("[GIN] 2026/11/22 - 20:49:08 | 404 |      44.379µs |       127.0.0.1 | HEAD", "warning"),
        ("[GIN] 2026/11/22 - 20:49:08 | 200 |      44.379µs |       127.0.0.1 | HEAD", "info"),
        ('{"t":{"$date":"2026-11-22"},"s":"E","c":"NETWORK","msg":"x"}', "error"),
        ('{"level":"fatal","msg":"x"}', "fatal"),
        ('{"level":3}', ""),
        ("{no json ERROR", ""),
        ("INFO:     Application startup complete.", "info"),
        ("error: cannot open the file", "error"),
        ("2026-11-22 20:00:00,123 CRITICAL gone", "fatal"),
        ("Traceback (most recent call last):", "error"),
        ("redis.exceptions.ConnectionError: refused", "error"),
        ("panic: runtime error", "fatal"),
        ("nothing special about errors here", ""),
        ('{"levelname":"ERROR","message":"python-json-logger"}', "error"),
        ('{"log.level":"error","message":"ecs"}', "error"),
        ('{"log":{"level":"warn"},"message":"ecs, nested"}', "warning"),
        ('{"level":50,"msg":"pino, bunyan"}', "error"),
        ('{"level":60,"msg":"pino"}', "fatal"),
        ('{"level":20}', "debug"),
        ('{"level":35}', "info"),
        ('{"level":true}', ""),
        ('{"severity_text":"ERROR"}', "error"),
        ('{"@t":"2026-11-30","@l":"Warning","@mt":"serilog"}', "warning"),
        ('{"LogLevel":"Critical"}', "fatal"),
        ('{"level":null,"severity":"NOTICE"}', "info"),
        ("{" + '"a":{' * 5000, ""),
        ("Error: Cannot find module 'x'", "error"),
        ("Error", "error"),
        ("Error [ERR_MODULE_NOT_FOUND]: Cannot find package", "error"),
        ("Uncaught Error: x", "error"),
        ("Warning: deprecated", "warning"),
        ("npm ERR! code ENOENT", "error"),
        ("ERR something", "error"),
        ("[ERR] something", "error"),
        ("E1130 02:00:00.123456 1 x.go:1] klog", "error"),
        ("W1130 02:00:00.123456       1 x.go:1] klog", "warning"),
        ("I1130 02:00:00.123456       1 x.go:1] ERROR klog", "info"),
        ("F1130 02:00:00.123456 1 x.go:1] klog", "fatal"),
        ("E1130 is a room", ""),
        ("level=error msg=x", "error"),
        ('ts=1 lvl=eror msg="log15"', "error"),
        ("2026-11-30 02:00:00 UTC [1] FATAL:  no such role", "fatal"),
        ("fail: Microsoft.Hosting[0]", "error"),
        ("Error rate is 0", ""),
        ("Errors: 0", ""),
        ('{"Level":"Error","msg":"capitals"}', "error"),
        ('{"level":"50","msg":"a number as text"}', "error"),
        ("fatal error: all goroutines are asleep - deadlock!", "fatal"),
        ("fatal: not a git repository", "fatal"),
        ("src/main.ts(1,1): info", ""),
        ("error TS2304: Cannot find name 'x'", "error"),
        ("error[E0308]: mismatched types", "error"),
        ("error rate: 0", ""),
        ("thread 'main' panicked at src/main.rs:2:5:", "fatal"),
        ('Exception in thread "main" java.lang.RuntimeException: x', "error"),
    ],
)
def test_finds_the_level_each_kind_of_service_writes(message, level):
    assert level_of(message) == level


@given(st.text() | st.recursive(st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(str))
def test_no_line_breaks_it(message):
    assert level_of(message) in (*LEVELS, "")
