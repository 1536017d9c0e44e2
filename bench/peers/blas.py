"""OpenBLAS's and oneDNN's matrix products for `npm run bench:peers`: blas.py openblas|onednn THREADS (the protocol is in lib/bench/peer.ts)."""
import ctypes
import json
import os
import sys
import time

name, threads = sys.argv[1], sys.argv[2]
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = threads
import numpy

I, L, F, P = ctypes.c_int, ctypes.c_long, ctypes.c_float, ctypes.c_void_p


def openblas():
    library = ctypes.CDLL("libopenblas.so.0")
    library.openblas_get_config.restype = ctypes.c_char_p
    library.cblas_sgemm.argtypes = [I, I, I, I, I, I, F, P, I, P, I, F, P, I]
    row_major, plain, transposed = 101, 111, 112
    flag = lambda letter: transposed if letter == "T" else plain

    def product(form, m, n, k, a, lda, b, ldb, c):
        return lambda: library.cblas_sgemm(row_major, flag(form[0]), flag(form[1]), m, n, k, 1.0, a, lda, b, ldb, 0.0, c, n)
    return library.openblas_get_config().decode().split()[1], product


def onednn():
    library = ctypes.CDLL("libdnnl.so.2")
    class Version(ctypes.Structure):
        _fields_ = [("major", I), ("minor", I), ("patch", I)]
    library.dnnl_version.restype = ctypes.POINTER(Version)
    library.dnnl_sgemm.argtypes = [ctypes.c_char, ctypes.c_char, L, L, L, F, P, L, P, L, F, P, L]

    def product(form, m, n, k, a, lda, b, ldb, c):
        ta, tb = form.encode()[:1], form.encode()[1:]
        return lambda: library.dnnl_sgemm(ta, tb, m, n, k, 1.0, a, lda, b, ldb, 0.0, c, n)
    v = library.dnnl_version().contents
    return f"{v.major}.{v.minor}.{v.patch}", product


version, product = {"openblas": openblas, "onednn": onednn}[name]()
random = numpy.random.default_rng(0)


def made(family, form="", batch=1, m=0, n=0, k=0, **_):
    """One product, or None: of other families, and of batches, of which these interfaces have loops only."""
    if family != "matmul" or batch > 1:
        return None
    a = random.standard_normal((k, m) if form[0] == "T" else (m, k), numpy.float32)
    b = random.standard_normal((n, k) if form[1] == "T" else (k, n), numpy.float32)
    c = numpy.empty((m, n), numpy.float32)
    call = product(form, m, n, k, a.ctypes.data, a.shape[1], b.ctypes.data, b.shape[1], c.ctypes.data)
    call()
    plain = (a.T if form[0] == "T" else a).astype(float) @ (b.T if form[1] == "T" else b)
    assert numpy.allclose(c, plain, 1e-3, 1e-3 * k**0.5), "the product is wrong"
    call.kept = (a, b, c)
    return call


say = lambda **answer: print(json.dumps(answer), flush=True)
say(ready=version)
work = None
for line in sys.stdin:
    order = json.loads(line)
    if "make" in order:
        work = None  # its memory first
        work = made(**order["make"])
        say(made=work is not None)
    else:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(order["run"]):
            work()
        say(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)
