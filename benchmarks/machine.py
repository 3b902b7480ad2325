"""What the numbers were measured on: a number without its machine says nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

import numpy as np

import npbp

# part of a library's name: what it obeys, the first that is set
THREADS = {"openblas": ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"),
           "mkl": ("MKL_NUM_THREADS", "OMP_NUM_THREADS"),
           "blis": ("BLIS_NUM_THREADS", "OMP_NUM_THREADS"),
           "accelerate": ("VECLIB_MAXIMUM_THREADS",)}
# What makes a library take other instructions than it would on this processor. Set for one
# library alone, it slows down one side of a comparison.
FORCING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "MKL_ENABLE_INSTRUCTIONS", "MKL_DEBUG_CPU_TYPE",
           "BLIS_ARCH_TYPE", "NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES",
           "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")


def record() -> dict:
    """Processor, cores, threads, system, and the versions of what computes."""
    loaded = kernel()
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": loaded["threads"] if loaded else threads(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,  # by whatever else runs
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas(),
        "kernel": loaded,
        "forced": forced(),
        "npbp": npbp.__version__,
    }


def text(machine: dict) -> str:
    """The record in two lines, and one more if something slows the machine down."""
    load, loaded = machine["load"], machine["kernel"]
    kernel = loaded["name"] or "unnamed" if loaded else "unknown (threadpoolctl is not installed)"
    lines = [
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"
        + (f"; load {load:.1f} at the start" if load is not None else ""),
        f"Python {machine['python']}, NumPy {machine['numpy']}, {machine['blas']}, kernel {kernel}, "
        f"{machine['threads']} threads, npbp {machine['npbp']}"]
    return "\n".join(lines + warnings(machine))


def warnings(machine: dict) -> list[str]:
    """A line if the environment forces a library to other instructions than it would take."""
    words = ", ".join(f"{name}={value}" for name, value in machine["forced"].items())
    return [f"WARNING: {words}: no figures of this machine; unset it for those"] if words else []


def forced() -> dict[str, str]:
    return {name: os.environ[name] for name in FORCING if os.environ.get(name)}


def kernel() -> dict | None:
    """What the library behind ``np.dot`` says of itself: the name of its kernel, that is the
    processor that it was written for, its version and threads. None if it cannot be asked."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return None
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    folder = str(Path(np.__file__).parent)  # other packages bring a library of their own
    found.sort(key=lambda library: not library["filepath"].startswith(folder))
    return {"name": found[0].get("architecture"), "version": found[0]["version"],
            "threads": found[0]["num_threads"]} if found else None


def processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """The threads of a matrix product: as many as cores, unless the environment says less."""
    library = blas().lower()
    obeyed = [name for part, names in THREADS.items() if part in library for name in names]
    wanted = [int(os.environ[name]) for name in obeyed if os.environ.get(name, "").isdigit()]
    return min(cores(), next((count for count in wanted if count > 0), cores()))


def blas() -> str:
    """Name and version of the library behind ``np.dot``."""
    try:
        found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{found['name']} {found.get('version', '')}".strip()
    except TypeError:  # NumPy before 1.25 knows no mode, and no version
        for name in ("blas_ilp64_opt", "blas_opt"):
            libraries = np.__config__.get_info(name).get("libraries")
            if libraries:
                return f"{libraries[0]}, version unknown"
        return "unknown"
