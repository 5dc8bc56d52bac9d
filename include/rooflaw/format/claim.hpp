#pragma once
// One output, one run: who writes OUTPUT holds the file OUTPUT.claim beside it from its start to
// its end. It is made by one call that a single process wins (link), is locked while its process
// lives, and names host, process and Slurm job, so that another run can tell whether it still
// counts (claim_holder.hpp).

#include <string>

namespace rooflaw::format {

class Claim {
 public:
  /// @param output  what messages name
  /// @param path    the file of the claim
  /// @param command what the claim says of the run
  /// A claim whose run is no more is taken over. Cost: some file operations; where the claim is
  /// of a Slurm job on another host, squeue is asked, for 20 s at most.
  /// @throws FileError if another run holds the claim, with what it is and how to take it away
  Claim(std::string output, std::string path, std::string command);
  ~Claim() { release(); }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  /// What is to be said of a claim that was taken over; empty if there was none.
  const std::string& taken_over() const { return taken_over_; }

  /// To be asked before anything of the output is written: somebody may have removed the claim by
  /// hand. Then it is claimed anew. @throws FileError if another run has claimed it since
  void confirm();
  void release();

 private:
  void take();
  bool create();

  std::string output_;
  std::string path_;
  std::string command_;
  std::string taken_over_;
  int descriptor_ = -1;
};

/// The claim of a file: beside it, wherever links lead.
std::string claim_path(const std::string& file);

/// As the constructor of a claim, but nothing is taken. @throws FileError if another run holds it
void require_unclaimed(const std::string& output, const std::string& path);

}  // namespace rooflaw::format
