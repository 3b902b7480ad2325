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


def record() -> dict:
    """Processor, cores, threads, system, and the versions of what computes."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "threads": threads(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,  # by whatever else runs
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas(),
        "npbp": npbp.__version__,
    }


def text(machine: dict) -> str:
    """The record in two lines."""
    load = machine["load"]
    return (f"{machine['processor']}, {machine['cores']} cores, {machine['system']}"
            + (f"; load {load:.1f} at the start\n" if load is not None else "\n")
            + f"Python {machine['python']}, NumPy {machine['numpy']}, {machine['blas']}, "
            f"{machine['threads']} threads, npbp {machine['npbp']}")


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
