#include "rooflaw/cluster/study.hpp"

#include "phase.hpp"

namespace rooflaw::cluster {

namespace {

using Clock = std::chrono::steady_clock;

void put(Packer& packer, const Outcome& outcome) {
  put_frontiers(packer, outcome.frontiers);
  packer.put(outcome.pairs_scored);
  packer.put(outcome.complete);
  packer.put(outcome.plas.has_value());
  packer.put(outcome.plas.value_or(search::PlasCounts{}));
  packer.put(outcome.serving);
}

Outcome get_outcome(Unpacker& unpacker) {
  Outcome outcome;
  outcome.frontiers = get_frontiers(unpacker);
  outcome.pairs_scored = unpacker.get<std::int64_t>();
  outcome.complete = unpacker.get<bool>();
  const auto of_plas = unpacker.get<bool>();
  const auto counts = unpacker.get<search::PlasCounts>();
  if (of_plas) outcome.plas = counts;
  outcome.serving = unpacker.get<Serving>();
  return outcome;
}

/// A study as a checkpoint has it: what is finished, and the phase at hand.
struct Kept {
  Found found;
  std::string phase;  // empty: none
  Bytes of_phase;
};

Bytes pack(const Found& found, std::string_view phase, const Bytes& of_phase) {
  Packer packer;
  packer.put(found.search.has_value());
  if (found.search) put(packer, *found.search);
  packer.put(found.refined.has_value());
  if (found.refined) {
    put_frontiers(packer, found.refined->improvements);
    packer.put(found.refined->counts);
  }
  packer.put(found.whole.has_value());
  if (found.whole) put_frontiers(packer, *found.whole);
  packer.put(found.theory.has_value());
  if (found.theory) {
    packer.put(std::uint64_t{found.theory->size()});
    for (const auto& rows : *found.theory) put_theory(packer, rows);
  }
  packer.put(std::uint64_t{found.seconds.size()});
  for (const auto& [name, seconds] : found.seconds) {
    packer.put_text(name);
    packer.put(seconds);
  }
  packer.put_text(std::string(phase));
  packer.put_all(std::span<const std::byte>(of_phase));
  return packer.take();
}

Kept unpack(const Bytes& bytes) {
  Kept kept;
  if (bytes.empty()) return kept;
  Unpacker unpacker(bytes);
  Found& found = kept.found;
  if (unpacker.get<bool>()) found.search = get_outcome(unpacker);
  if (unpacker.get<bool>()) {
    found.refined.emplace();
    found.refined->improvements = get_frontiers(unpacker);
    found.refined->counts = unpacker.get<search::PlasCounts>();
  }
  if (unpacker.get<bool>()) found.whole = get_frontiers(unpacker);
  if (unpacker.get<bool>()) {
    found.theory.emplace();
    for (auto left = unpacker.get<std::uint64_t>(); left > 0; --left)
      found.theory->push_back(get_theory(unpacker));
  }
  for (auto left = unpacker.get<std::uint64_t>(); left > 0; --left) {
    const auto name = unpacker.get_text();
    found.seconds[name] = unpacker.get<double>();
  }
  kept.phase = unpacker.get_text();
  kept.of_phase = unpacker.get_all<std::byte>();
  return kept;
}

search::Question as_exact(search::Question question) {
  question.strategy = search::Strategy::exact;
  return question;
}

class Study {
 public:
  Study(const search::Question& question, Communicator& ranks, Watch& watch, Kept kept,
        const StudyHooks& hooks)
      : question_(question),
        ranks_(ranks),
        watch_(watch),
        hooks_(hooks),
        found_(std::move(kept.found)),
        kept_(std::move(kept)) {}

  Found run(bool certify) {
    do_phase("search", found_.search, [&](Phase& phase) {
      return question_.strategy == search::Strategy::plas ? plas_phase(question_, phase)
                                                          : scan_phase(question_, phase);
    });
    share_frontiers(found_.search->frontiers, ranks_);
    const auto& frontiers = found_.search->frontiers;
    if (question_.refine.enabled)
      do_phase("refine", found_.refined,
               [&](Phase& phase) { return refine_phase(question_, frontiers, phase); });
    if (certify)
      do_phase("certify", found_.whole,
               [&](Phase& phase) { return scan_phase(as_exact(question_), phase).frontiers; });
    do_phase("theory", found_.theory,
             [&](Phase& phase) { return theory_phase(question_, frontiers, phase); });
    return std::move(found_);
  }

 private:
  template <class Result, class Run>
  void do_phase(std::string_view name, std::optional<Result>& result, Run run) {
    if (result) return;
    const auto start = Clock::now();
    const std::string key(name);
    const double before = found_.seconds[key];
    const auto note_time = [&] {
      found_.seconds[key] = before + std::chrono::duration<double>(Clock::now() - start).count();
    };
    Phase phase{.name = name,
                .ranks = ranks_,
                .watch = watch_,
                .kept = kept_.phase == name ? std::move(kept_.of_phase) : Bytes{},
                .keep =
                    [&](const Bytes& of_phase) {
                      note_time();
                      hooks_.keep(pack(found_, name, of_phase));
                    },
                .progress = hooks_.progress};
    result = run(phase);
    note_time();
  }

  const search::Question& question_;
  Communicator& ranks_;
  Watch& watch_;
  const StudyHooks& hooks_;
  Found found_;
  Kept kept_;
};

}  // namespace

void check_kept(const search::Question& question, const Bytes& bytes) {
  const Kept kept = unpack(bytes);
  const Found& found = kept.found;
  if (found.search) require_frontiers(found.search->frontiers, question);
  if (found.refined)
    require_frontiers(found.refined->improvements, search::refined_question(question));
  if (found.whole) require_frontiers(*found.whole, question);
  if (found.theory) {
    require(found.search && found.theory->size() == question.targets.size());
    for (std::size_t t = 0; t < question.targets.size(); ++t)
      require((*found.theory)[t].size() == found.search->frontiers[t].size());
  }
  if (kept.phase.empty() || kept.of_phase.empty()) return;
  const bool by_plas = question.strategy == search::Strategy::plas;
  if (kept.phase == "search" && by_plas)
    check_plas(question, kept.of_phase);
  else if (kept.phase == "search")
    check_scan(question, kept.of_phase);
  else if (kept.phase == "certify")
    check_scan(as_exact(question), kept.of_phase);
  else if (kept.phase == "refine")
    check_refine(question, kept.of_phase);
  else {
    require(kept.phase == "theory" && found.search.has_value());
    check_theory(question, found.search->frontiers, kept.of_phase);
  }
}

Bytes packed(const Found& found) { return pack(found, "", {}); }

Found run_study(const search::Question& question, bool certify, Communicator& ranks, Watch& watch,
                const Bytes& kept, const StudyHooks& hooks) {
  Found found;
  watch.together([&] { found = Study(question, ranks, watch, unpack(kept), hooks).run(certify); });
  return found;
}

}  // namespace rooflaw::cluster
