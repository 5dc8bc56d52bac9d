"""No layer that computes results calls powers, exponentials, logarithms or other functions of the C library
whose last bit differs between processors: none of their names is undefined in the layer's archive."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

NM = os.environ.get("NM", "nm")
LIBRARIES = [pathlib.Path(path) for path in os.environ["ROOFLAW_LIBRARIES"].split(":")]

# sqrt, floor, ceil, trunc, the roundings, fmod and what takes a number apart are exact: not among them.
INEXACT = re.compile(r"""
    (__)?
    (pow|pown|powr|exp|exp2|exp10|pow10|expm1|log|log2|log10|log1p|cbrt|hypot|rsqrt|fma
    |sin|cos|tan|asin|acos|atan|atan2|sincos|sinh|cosh|tanh|asinh|acosh|atanh
    |tgamma|lgamma|gamma|erf|erfc|j0|j1|jn|y0|y1|yn
    |c(abs|pow|exp|log|sqrt|sin|cos|tan|sinh|cosh|tanh))
    (f|l|f32|f64|f128|f32x|f64x)?(_r)?(_finite)?""", re.VERBOSE)


def inexact_symbols(path):
    """The undefined names of an archive or object that INEXACT has, by object file."""
    listed = subprocess.run([NM, "-C", "--undefined-only", path], check=True, capture_output=True, text=True)
    found, file = [], str(path)
    for line in listed.stdout.splitlines():
        if line.endswith(":"):
            file = line[:-1]
        elif line and INEXACT.fullmatch(name := line.split()[-1].partition("@")[0]):
            found.append(f"{file}: {name}")
    return found


class Symbols(unittest.TestCase):
    def test_no_layer_calls_them(self):
        for library in LIBRARIES:
            with self.subTest(library=library.name):
                self.assertEqual(inexact_symbols(library), [])

    def test_the_test_sees_one(self):
        with tempfile.TemporaryDirectory() as folder:
            calls = "double f(double x) { return std::pow(x, 0.3) + std::sqrt(x) + std::floor(x); }\n" \
                    "float g(float x) { return std::log(x); }\n"
            source = pathlib.Path(folder, "calls.cpp")
            source.write_text("#include <cmath>\n" + calls)
            subprocess.run([os.environ.get("CXX", "c++"), "-O2", "-c", source, "-o", source.with_suffix(".o")],
                           check=True)
            found = inexact_symbols(source.with_suffix(".o"))
        self.assertEqual([line.rpartition(" ")[2] for line in found], ["logf", "pow"])


if __name__ == "__main__":
    unittest.main()
