#pragma once
// Measured speeds of language models on chips: our own CSV (columns in inputs/README.md) and the
// output of llama-bench, told apart by their content.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rooflaw/format/toml_reader.hpp"
#include "rooflaw/io/source_files.hpp"
#include "rooflaw/model/architecture.hpp"
#include "rooflaw/model/device.hpp"
#include "rooflaw/model/passes.hpp"
#include "rooflaw/model/precision.hpp"

namespace rooflaw::io {

/// One speed. Texts are empty, and optional numbers absent, where the source does not say.
struct Measurement {
  std::string place;  // FILE:LINE
  std::string device;
  std::string unit;  // gpu, cpu, npu, gpu+cpu
  std::string engine;
  std::string build;
  std::string power_mode;
  std::string kind;   // measured, from-ttft
  std::string model;  // key in Measurements::models
  std::string model_printed;
  /// Bytes of each class as the weights of this model take them: where their size is printed they
  /// add up to it. Its id is that of the precision or quantisation; "unknown" where only the size
  /// is known.
  model::Precision precision;
  std::string precision_printed;
  /// As printed, less a layer of the file that predicts the token after the next.
  std::optional<double> weights_bytes;
  std::optional<double> threads;
  double batch = 1;  // sequences
  model::Phase phase = model::Phase::decode;
  std::optional<double> input_tokens;   // of the prompt; always there in a prefill test
  std::optional<double> output_tokens;  // generated
  std::optional<double> context_depth;  // tokens in the cache before the first measured one
  double tokens_per_second = 0;         // of all sequences, > 0
  std::optional<double> stddev;
  std::optional<double> ubatch;  // tokens of a prefill pass
  std::optional<bool> flash_attention;
  std::string doubt;  // why not to rely on it
  std::string source;
};

/// A sound row that cannot be computed. Alike ones have the same reason.
struct LeftOut {
  std::string place;  // FILE:LINE
  std::string reason;
  std::string doubt;
};

struct Measurements {
  std::vector<Measurement> rows;  // in the order of the files
  std::vector<LeftOut> left_out;
  std::map<std::string, model::Architecture> models;  // of the rows, by `model`
  std::map<std::string, model::Device> devices;       // of the rows, by `device`
};

/// What files do not say.
struct MeasurementOptions {
  std::string device;  // id or file; of rows without one, as all of llama-bench are
  std::string engine;  // of rows without one, and of llama-bench instead of its back end
  /// Ids or files (config.json), for rows of llama-bench whose name and sizes leave several models
  /// or none; each takes the one whose parameters fit.
  std::vector<std::string> models;
};

/// Notes everything that is wrong; the result is then incomplete. Rows with a doubt are read like
/// others. A test of prompt and generation together, a model that is unknown to a CSV or not
/// expressible, an unknown format of weights of unknown size and the like leave a row out.
/// @throws FileError for a file that cannot be read
/// Cost: linear in the files, and a pass over the tables of the inputs folder.
Measurements read_measurements(const std::vector<std::string>& paths,
                               const MeasurementOptions& options, SourceFiles& files,
                               format::Faults& faults);

/// Bytes of the weights, all experts and tables included; a tied table once.
double weight_bytes(const model::Architecture& a, const model::Precision& p);

/// The precision with the bytes of all weights changed by one factor, so that they add up to
/// `bytes` (> 0). A tied table may stand twice in a file; where nothing says whether it does, it is
/// counted so if only that is near to the size.
model::Precision scaled_to(const model::Precision& p, const model::Architecture& a, double bytes,
                           std::optional<bool> twice = std::nullopt);

}  // namespace rooflaw::io
