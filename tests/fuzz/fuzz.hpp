#pragma once
// What the fuzz targets share: input texts without a disk, and rules that an answer must obey.

#include <string>

#include "rooflaw/io/source_files.hpp"
#include "rooflaw/model/evaluation.hpp"

namespace rooflaw::fuzz {

/// `text` under `path` (a name without folder), beside it "chips.toml" with two devices, and a few
/// entries of each table of the inputs folder: all of them would be a hundred times slower to read.
/// Nothing else exists, whatever `text` names.
io::SourceFiles sources(const std::string& path, const std::string& text);

/// Ends the process, which libFuzzer reports with the input, unless `holds`.
void require(bool holds, const char* rule);

/// What every evaluation obeys that is based on input the readers accepted: numbers finite but for
/// the tpot of a workload without output (NaN) and the perplexity of a loss above 709 (infinite).
void require_sound(const model::Evaluation& e, const model::Scenario& scenario);

}  // namespace rooflaw::fuzz
