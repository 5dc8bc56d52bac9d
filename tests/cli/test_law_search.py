"""Several laws, resamples and second opinions in one search: each law finds what it finds alone; bands, occurrence,
regrets and decisions go with the frontiers they are of; the result does not depend on ranks."""

import sys
import unittest

sys.dont_write_bytecode = True
import h5py
import numpy

from support import JOB, ProgramTest, edit

LAWS = ["codesign-2026", "routing-2022", "depth-2026"]
TARGETS = ["jetson-agx-orin-64gb.fp16.vla.total", "jetson-agx-orin-64gb.int8.vla.total"]
SEARCH = edit(JOB, {"search.strategy": 'strategy = "exact"',
                    "space.layers": "layers = {from = 2, to = 48, step = 2}",
                    "space.widths": "widths = {from = 256, to = 3072, step = 256}",
                    "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 6, step = 0.25}",
                    "space.experts": "experts = [1, 2, 8, 32]",
                    "targets.precisions": 'precisions = ["fp16", "int8"]'})
JOINT = edit(SEARCH, {"law.id": f"id = {LAWS}\nresamples = 30\n"
                                'second_opinions = ["gemstones-2025-cool", "joint-moe-2025", "conditional-2025"]'})


class LawSearch(ProgramTest):
    def search(self, job, name="result.h5"):
        self.write("job.toml", job)
        return self.rooflaw("search", "job.toml", "-o", name, "--force", "--verbose").out

    def columns(self, name, group):
        with h5py.File(self.folder / name) as file:
            return {key: file[group][key][:] for key in file[group] if file[group][key].ndim == 1}, \
                dict(file[group].attrs)

    def test_each_law_finds_what_it_finds_alone(self):
        self.search(JOINT, "joint.h5")
        covered = {"space.kv_heads": 'kv_heads = [1]', "space.expert_ffn_ratio": "expert_ffn_ratio = [1]",
                   "space.experts": "experts = [1]", "space.top_k": "top_k = [1]"}
        for law in LAWS:
            # What a law is silent on it cannot search alone.
            alone = edit(SEARCH, {"law.id": f'id = "{law}"', **(covered if law == "depth-2026" else {}),
                                  **({"space.kv_heads": 'kv_heads = [1]'} if law == "routing-2022" else {})})
            self.search(alone, "alone.h5")
            if law != "codesign-2026":
                joint = edit(alone, {"law.id": f'id = ["codesign-2026", "{law}"]'})
                self.search(joint, "pair.h5")
            file = "joint.h5" if law == "codesign-2026" else "pair.h5"
            for target in TARGETS:
                a, _ = self.columns("alone.h5", f"frontiers/{law}/{target}")
                b, attributes = self.columns(file, f"frontiers/{law}/{target}")
                self.assertEqual(attributes["certified"], 1)
                self.assertEqual(set(a), set(b))
                for key in a:
                    self.assertEqual(a[key].tobytes(), b[key].tobytes(), f"{law} {target} {key}")

    def test_groups_go_together(self):
        out = self.search(JOINT, "joint.h5")
        for target in TARGETS:
            frontier, _ = self.columns("joint.h5", f"frontiers/routing-2022/{target}")
            band, attributes = self.columns("joint.h5", f"resamples/routing-2022/{target}")
            self.assertEqual(attributes["resamples"], 30)
            self.assertEqual(frontier["objective"].tobytes(), band["objective"].tobytes())
            self.assertTrue((band["loss_low"] <= frontier["loss"]).all())
            self.assertTrue((band["loss_high"] >= frontier["loss"]).all())
            self.assertTrue(((0 <= band["occurrence"]) & (band["occurrence"] <= 1)).all())
            self.assertGreater(band["occurrence"].max(), 0.5)
            self.assertTrue((frontier["loss_low"] < frontier["loss"]).all())
            self.assertTrue((frontier["loss_high"] > frontier["loss"]).all())
            first, _ = self.columns("joint.h5", f"frontiers/codesign-2026/{target}")
            for law in [*LAWS, "gemstones-2025-cool", "joint-moe-2025", "conditional-2025"]:
                rows, attributes = self.columns("joint.h5", f"opinions/{law}/{target}")
                self.assertEqual(attributes["law"], "codesign-2026")
                self.assertEqual(attributes["searched"], law in LAWS)
                self.assertEqual("activation rate" in attributes["opinion_on"],
                                 law in ("codesign-2026", "routing-2022", "joint-moe-2025"))
                self.assertEqual(len(rows["loss"]), len(first["loss"]))
                if law == "conditional-2025":
                    self.assertTrue(numpy.isnan(rows["loss"]).all())
                    continue
                self.assertTrue((rows["regret"] >= 0).all(), law)
                self.assertEqual(attributes["largest_regret"], rows["regret"].max())
                self.assertLessEqual(attributes["rank_correlation"], 1)
                choices, _ = self.columns("joint.h5", f"decisions/{law}/{target}")
                self.assertEqual(len(choices["within"]), 4)
                self.assertTrue((choices["objective"] <= choices["within"]).all())
            own, _ = self.columns("joint.h5", f"opinions/codesign-2026/{target}")
            self.assertEqual(own["loss"].tobytes(), first["loss"].tobytes())
            self.assertEqual(own["regret"].max(), 0)
            least, _ = self.columns("joint.h5", f"least_regret/codesign-2026/{target}")
            self.assertTrue((least["worst_regret"] >= 0).all())
        self.assertIn("over 30 resamples of the law", out)
        self.assertIn("what other laws say", out)
        self.assertIn("least worst regret", out)
        self.assertIn("note: law depth-2026 has no opinion on: activation rate, FFN ratio, KV dimension", out)

    def test_laws_that_the_result_is_read_with(self):
        """export, merge, compare and inspect take the new groups as they take the others."""
        self.search(JOINT, "joint.h5")
        self.rooflaw("inspect", "joint.h5")
        self.rooflaw("export", "joint.h5", "-o", "tables")
        for kind, law in (("resamples", "routing-2022"), ("opinions", "joint-moe-2025"), ("decisions", "depth-2026"),
                          ("least_regret", "codesign-2026")):
            found = list((self.folder / "tables").rglob("*.csv"))
            self.assertTrue(any(kind in str(f) and law in str(f) for f in found), f"{kind} {law} {found[:5]}")
        self.rooflaw("merge", "joint.h5", "-o", "merged.h5")
        for kind in ("resamples/routing-2022", "opinions/gemstones-2025-cool", "decisions/depth-2026",
                     "least_regret/codesign-2026"):
            for target in TARGETS:
                a, b = (self.columns(f, f"{kind}/{target}") for f in ("joint.h5", "merged.h5"))
                self.assertEqual({k: v.tobytes() for k, v in a[0].items()}, {k: v.tobytes() for k, v in b[0].items()})
                self.assertEqual(a[1], b[1])

    def test_tokens_of_the_job(self):
        """They move the level of a law with a term in tokens, not what it chooses; the result keeps them."""
        job = edit(SEARCH, {"law.id": 'id = ["codesign-2026", "depth-2026"]'})
        out = self.search(job, "a.h5")
        self.assertIn("depth-2026", out)
        self.assertIn("1e+10", out)
        self.search(edit(job, {"law.id": 'id = ["codesign-2026", "depth-2026"]\ntokens = 1e12'}), "b.h5")
        for target in TARGETS:
            a, _ = self.columns("a.h5", f"frontiers/depth-2026/{target}")
            b, _ = self.columns("b.h5", f"frontiers/depth-2026/{target}")
            self.assertEqual(a["index"].tobytes(), b["index"].tobytes())
            drop = 528.8321689482242 * (1e10 ** -0.2990961372835 - 1e12 ** -0.2990961372835)
            numpy.testing.assert_allclose(a["loss"] - b["loss"], drop, rtol=1e-9)
        with h5py.File(self.folder / "b.h5") as file:
            text = file["inputs/law/depth-2026"][()].decode()
        self.assertIn("tokens = 1000000000000.0", text)

    def test_one_law_and_an_opinion(self):
        """Candidates are then one frontier, in whose order laws nearly agree: no table says that they do."""
        out = self.search(edit(SEARCH, {"law.id": 'id = "codesign-2026"\nsecond_opinions = ["depth-2026"]'}))
        self.assertIn("depth-2026             regret", out)
        self.assertIn("a law in law.id finds its own", out)
        self.assertNotIn("the laws differ in", out)

    def test_without_resamples(self):
        self.search(edit(SEARCH, {"law.id": 'id = ["routing-2022", "codesign-2026"]\nresamples = 0'}), "none.h5")
        with h5py.File(self.folder / "none.h5") as file:
            self.assertNotIn("resamples", file)

    def test_ties_of_precisions(self):
        out = self.search(edit(SEARCH, {"targets.precisions": 'precisions = ["fp16", "bf16"]'}))
        self.assertRegex(out, r"precisions on jetson-agx-orin-64gb, vla, total within .*: .*16 .*\+0\.0000 \(a tie: penalties known to")

    def test_tables_are_refused_if_they_do_not_go_together(self):
        """A result whose opinions are of another length than its frontier is no result."""
        self.search(JOINT, "joint.h5")
        with h5py.File(self.folder / "joint.h5", "a") as file:
            group = file[f"opinions/depth-2026/{TARGETS[0]}"]
            rows = group["regret"][:]
            for key in ("loss", "regret"):
                del group[key]
                group[key] = rows[:-1]
        run = self.rooflaw("merge", "joint.h5", "-o", "m.h5", "--unsealed", expect=3)
        self.assertIn("opinions/depth-2026", run.err)


if __name__ == "__main__":
    unittest.main()
