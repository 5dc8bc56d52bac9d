#include "rooflaw/io/measurements.hpp"

#include "measurement_tables.hpp"
#include "rooflaw/format/csv.hpp"

namespace rooflaw::io {

Measurements read_measurements(const std::vector<std::string>& paths,
                               const MeasurementOptions& options, SourceFiles& files,
                               format::Faults& faults) {
  MeasurementTables tables(options, files, faults);
  Measurements all;
  for (const auto& path : paths) {
    const auto rows = format::parse_csv(files.read(path), path, faults);
    if (!rows.empty() && is_measured_csv(rows.front()))
      read_measured_csv(path, rows, options, tables, all, faults);
    else
      add_fault(faults, {path, 1, 1}, "measurements", "", "is not a CSV file with measurements");
  }
  return all;
}

}  // namespace rooflaw::io
