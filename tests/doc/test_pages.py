"""The commands of the pages for newcomers and doubters run as they stand, and print what the pages say."""

import unittest

from pages import PageTest


class Pages(PageTest):
    def test_method(self):
        self.run_page("include/rooflaw/model/METHOD.md")

    def test_trust(self):
        self.run_page("inputs/TRUST.md")


if __name__ == "__main__":
    unittest.main()
