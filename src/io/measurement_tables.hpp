#pragma once
// What the readers of measurements share: tables to look ids up in, and how a row comes together.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rooflaw/format/csv.hpp"
#include "rooflaw/io/catalogue.hpp"
#include "rooflaw/io/measurements.hpp"

namespace rooflaw::io {

inline constexpr double gib = 1073741824.0;
inline constexpr format::NumberRule speed_rule{
    1e-6, true, 1e9, true, "must be a number of tokens per second > 0, from 1e-6 to 1e9"};
inline constexpr format::NumberRule count_rule{0, true, 1e9, true,
                                               "must be a number from 0 to 1e9"};
inline constexpr format::NumberRule at_least_one_rule{1, true, 1e9, true,
                                                      "must be a number from 1 to 1e9"};
inline constexpr format::NumberRule size_rule{1e-6, true, 1e6, true,
                                              "must be a number of GiB > 0, up to 1e6"};

struct MeasuredPlace {
  std::string file;
  unsigned line = 0;
  unsigned column = 0;
  std::string text() const;  // FILE:LINE
};

/// A number of a measurement: the whole text, finite, as the rule has it; else a fault.
std::optional<double> read_measured_number(const std::string& text, const std::string& key,
                                           const format::NumberRule& rule,
                                           const MeasuredPlace& place, format::Faults& faults);
void add_fault(format::Faults& faults, const MeasuredPlace& place, const std::string& key,
               const std::string& value, const std::string& rule, const std::string& hint = {});

class MeasurementTables {
 public:
  MeasurementTables(const MeasurementOptions& options, SourceFiles& files, format::Faults& faults);

  /// Null if there is none; then a fault is noted at the place.
  const model::Device* device(const std::string& id, const MeasuredPlace& place);
  /// That of the options; null if they name none.
  const model::Device* chosen_device() const { return chosen_device_ ? &*chosen_device_ : nullptr; }
  /// By id, or the path of a config.json seen from the file of the row; null if there is none.
  const ModelEntry* model(const std::string& name, const MeasuredPlace& place);
  std::string near_models(const std::string& name) const;
  const std::vector<ModelEntry>& models() const { return models_; }
  /// Those of the options.
  const std::vector<ModelEntry>& chosen_models() const { return chosen_models_; }
  const Quantisations& quantisations() const { return *quantisations_; }

 private:
  const model::Device* known_device(const std::string& id) const;
  std::optional<ModelEntry> model_of_file(const std::string& name, const MeasuredPlace& place);

  SourceFiles& files_;
  format::Faults& faults_;
  std::vector<model::Device> devices_;
  std::optional<model::Device> chosen_device_;
  std::vector<ModelEntry> models_;
  std::map<std::string, std::optional<ModelEntry>> models_of_files_;
  std::vector<ModelEntry> chosen_models_;
  std::optional<Quantisations> quantisations_;
};

/// Adds a row whose model, device and format are known, or the reason why it is left out.
/// `format` is null where it is unknown, `twice` (does the file hold a tied table twice?) empty.
void add_row(Measurement row, const model::Device& device, const ModelEntry& model,
             const model::Precision* format, std::optional<bool> twice, Measurements& all);

/// Does the CSV have our columns?
bool is_measured_csv(const format::CsvRow& header);
void read_measured_csv(const std::string& path, const std::vector<format::CsvRow>& rows,
                       const MeasurementOptions& options, MeasurementTables& tables,
                       Measurements& all, format::Faults& faults);

}  // namespace rooflaw::io
