"""A result is opened by the programs that people read HDF5 and netCDF with, without options: each of
them finds the loss and the words of the attention column, in each kind of file."""

import importlib
import json
import re
import shutil
import subprocess
import unittest
import warnings

import h5py
import numpy
import pandas

from support import JOB, ProgramTest, Result, edit, read_csv

MIXED = edit(JOB, {"space.kv_heads": 'kv_heads = [1, "heads"]\nattention = ["gqa", "mla"]\nmla = [{kv_lora_rank = 512, '
                   'qk_nope_head_dim = 64, qk_rope_head_dim = 32, v_head_dim = 64}]\nffn = ["gated", "plain"]',
                   "targets.latency": 'latency = ["prefill", "tpot"]'})


def by_flags(values, flags, meanings):
    words = dict(zip(numpy.asarray(flags).tolist(), meanings.split(" ")))
    return [words[value] for value in numpy.asarray(values).tolist()]


def with_h5py(path, group):
    with h5py.File(path) as file:
        loss, attention = file[group]["loss"], file[group]["attention"]
        assert loss.dims[0].keys() == ["point"], "a dimension scale"
        return loss[:].tolist(), by_flags(attention[:], attention.attrs["flag_values"],
                                          attention.attrs["flag_meanings"])


def with_pandas(path, group):
    with h5py.File(path) as file:
        table = pandas.DataFrame({name: column[:] for name, column in file[group].items()})
        words = file[group]["attention"].attrs["flag_meanings"].split(" ")
    return table.loss.tolist(), table.attention.map(dict(enumerate(words))).tolist()


def with_xarray(engine):
    def read(path, group):
        import xarray
        with xarray.open_dataset(path, engine=engine, group=group) as table:
            assert table.loss.dims == ("point",)
            return (table.loss.values.tolist(),
                    by_flags(table.attention.values, table.attention.attrs["flag_values"],
                             table.attention.attrs["flag_meanings"]))
    return read


def with_netcdf4(path, group):
    import netCDF4
    with netCDF4.Dataset(path) as file:
        table = file[group]
        attention = table["attention"]
        return table["loss"][:].tolist(), by_flags(attention[:], attention.flag_values, attention.flag_meanings)


def with_pytables(path, group):
    import tables
    warnings.simplefilter("ignore")  # of the references to scales, which it does not know
    with tables.open_file(path) as file:
        attention = file.get_node(group + "/attention")
        words = attention.attrs.flag_meanings
        words = words.decode() if isinstance(words, bytes) else str(words)
        return (file.get_node(group + "/loss")[:].tolist(),
                by_flags(attention[:], attention.attrs.flag_values, words))


def numbers(text):
    return [float(x) for x in text.replace("\n", " ").split(",")]


def with_ncdump(path, group):
    text = subprocess.run(["ncdump", "-p", "17,17", path], capture_output=True, text=True, check=True).stdout
    for name in group.strip("/").split("/"):
        text = text[text.index(f"group: {name.replace('.', chr(92) + '.')} {{" if f"group: {name} {{" not in text
                               else f"group: {name} {{"):]
    value = lambda name: re.search(rf"\n\s+{name} = ([^;]*);", text)[1]
    meanings = re.search(r'attention:flag_meanings = "([^"]*)"', text)[1]
    flags = [int(x.strip("b ")) for x in re.search(r"attention:flag_values = ([^;]*);", text)[1].split(",")]
    return numbers(value("loss")), by_flags([int(x) for x in numbers(value("attention"))], flags, meanings)


def with_h5dump(path, group):
    def data(*what):
        run = subprocess.run(["h5dump", "-y", "-w", "0", "-m", "%.17g", *what, path], capture_output=True,
                             text=True, check=True)
        return re.search(r"DATA \{([^}]*)\}", run.stdout, re.DOTALL)[1].strip()
    meanings = data("-a", f"{group}/attention/flag_meanings").strip('"')
    flags = [int(x) for x in numbers(data("-a", f"{group}/attention/flag_values"))]
    return (numbers(data("-d", f"{group}/loss")),
            by_flags([int(x) for x in numbers(data("-d", f"{group}/attention"))], flags, meanings))


def with_h5repack(path, group):
    packed = path.with_suffix(".packed.h5")
    subprocess.run(["h5repack", "-f", "GZIP=6", path, packed], check=True)
    return with_h5py(packed, group)


READERS = {"h5py": (with_h5py, "h5py"), "pandas": (with_pandas, "pandas"),
           "xarray, netcdf4": (with_xarray("netcdf4"), "xarray"),
           "xarray, h5netcdf": (with_xarray("h5netcdf"), "h5netcdf"),
           "netCDF4": (with_netcdf4, "netCDF4"), "PyTables": (with_pytables, "tables"),
           "ncdump": (with_ncdump, None), "h5dump": (with_h5dump, None), "h5repack": (with_h5repack, None)}


class Readers(ProgramTest):
    def files(self):
        yield "grid", self.search(MIXED).path
        whole = self.search(edit(MIXED, {"search.strategy": 'strategy = "exact"', "job.output": 'output = "exact.h5"',
                                         "refine.enabled": "enabled = true"}))
        yield "exact, refined", whole.path
        for latency in ("prefill", "tpot"):
            self.search(edit(MIXED, {"targets.latency": f'latency = ["{latency}"]',
                                     "job.output": f'output = "{latency}.h5"'}))
        self.rooflaw("merge", "prefill.h5", "tpot.h5", "-o", "merged.h5")
        yield "merged", self.folder / "merged.h5"

    def test_every_reader_reads_every_file(self):
        missing = {name for name, (_, module) in READERS.items()
                   if not (importlib.util.find_spec(module) if module else shutil.which(name))}
        for kind, path in self.files():
            result = Result(path)
            for target in result.targets():
                group = result.group(target)
                self.rooflaw("export", path, "-o", "csv")
                header, rows = read_csv(self.folder / "csv/frontiers/codesign-2026" / f"{target['id']}.csv")
                loss = [float(row[header.index("loss")]) for row in rows]
                attention = [row[header.index("attention")] for row in rows]
                self.assertEqual(set(attention) <= {"gqa", "mla"}, True)
                for name, (read, _) in READERS.items():
                    if name in missing:
                        continue
                    with self.subTest(file=kind, reader=name, target=str(target["id"])):
                        self.assertEqual(read(path, group), (loss, attention))
            shutil.rmtree(self.folder / "csv")
        if missing:
            self.skipTest(f"not installed: {', '.join(sorted(missing))}; the others read every file")

    def test_words_of_both_kinds_are_there(self):
        result = self.search(MIXED)
        words = {word for target in result.targets() for word in result.frontier(target)["attention"]}
        self.assertEqual(words, {"gqa", "mla"})

    def test_texts_of_targets(self):
        result = self.search(MIXED)
        with h5py.File(result.path) as file:
            self.assertEqual(file["targets/device"].asstr()[:].tolist(), ["jetson-agx-orin-64gb"] * 2)
            self.assertEqual(json.loads(json.dumps(file["targets/latency"].asstr()[:].tolist())), ["prefill", "tpot"])


class Changed(ProgramTest):
    """A file that was changed is told from a damaged one, and can be read if that is wanted."""

    def setUp(self):
        super().setUp()
        self.path = self.search(JOB).path

    def commands(self, *options):
        return (["inspect", self.path, *options], ["export", self.path, "-o", "csv", *options],
                ["merge", self.path, "-o", "merged.h5", *options])

    def test_an_attribute_set_by_h5py(self):
        with h5py.File(self.path, "r+") as file:
            file.attrs["comment"] = "ours"
        for arguments in self.commands():
            run = self.rooflaw(*arguments, expect=3)
            self.assertIn("changed since rooflaw wrote it", run.err)
            self.assertIn("--unsealed", run.err)
            self.assertNotIn("damaged", run.err)
        for arguments in self.commands("--unsealed"):
            self.rooflaw(*arguments)
        self.assertIn("ours", self.rooflaw("inspect", self.path, "--unsealed").out)

    def test_damage(self):
        whole = self.path.read_bytes()
        for bytes_, said in ((whole[:-1000], "is cut short"), (whole[:100], "is cut short"),
                             (whole[:2000] + b"\xff" * 8 + whole[2008:], "is damaged"),
                             (b"", "is no result"), (whole[:-87], "changed since")):
            self.path.write_bytes(bytes_)
            for arguments in self.commands():
                self.assertIn(said, self.rooflaw(*arguments, expect=3).err)
        self.path.write_bytes(whole[:2000] + b"\xff" * 8 + whole[2008:])
        for arguments in self.commands("--unsealed"):
            self.assertIn("is damaged", self.rooflaw(*arguments, expect=3).err)

    def test_what_was_compressed(self):
        if not shutil.which("h5repack"):
            self.skipTest("h5repack is not installed")
        packed = self.folder / "packed.h5"
        subprocess.run(["h5repack", "-f", "GZIP=6", self.path, packed], check=True)
        run = self.rooflaw("export", packed, "-o", "csv", "--unsealed", expect=3)
        self.assertIn("h5repack -l CONTI -f NONE", run.err)
        plain = self.folder / "plain.h5"
        subprocess.run(["h5repack", "-l", "CONTI", "-f", "NONE", packed, plain], check=True)
        self.rooflaw("export", plain, "-o", "csv", "--unsealed")

    def test_a_file_of_the_first_format(self):
        self.path.write_bytes(b"rooflaw-result sha256 ".ljust(512, b"0") + self.path.read_bytes())
        self.assertIn("1.x", self.rooflaw("inspect", self.path, expect=3).err)


if __name__ == "__main__":
    unittest.main()
