#include "rooflaw/cluster/queue.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include <fmt/format.h>

#include "run_source.hpp"
#include "tree_talk.hpp"

namespace rooflaw::cluster {

namespace {

using Clock = std::chrono::steady_clock;

/// A worker wants pieces; how long the last took.
struct Request {
  std::int64_t pieces = 0;
  double seconds = 0;
};
template <class Archive>
void fields(Archive& a, Request& x) {
  a(x.pieces, x.seconds);
}

void score(Work& work, std::int64_t piece, const Between& between) {
  try {
    work.score(piece, between);
  } catch (const RunEnds&) {
    throw;
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {}", work.name(piece), e.what()), e.exit_code());
  } catch (const std::exception& e) {
    throw Error(fmt::format("{}: {}", work.name(piece), e.what()));
  }
}

/// Does them, and tells which are done; how long it took. That is asked of the processor's clock:
/// ranks that share a core must not take their turns for work.
Request do_run(Work& work, const PieceRun& run, const Between& between, TreeTalk& talk) {
  const double start = cpu_seconds();
  PieceRun done{run.first, run.first};
  const auto settle = [&] {
    if (done.size() == 0) return;
    work.settle();
    talk.settled(done);
  };
  try {
    for (; done.end < run.end; ++done.end) score(work, done.end, between);
  } catch (const RunEnds&) {
    settle();
    throw;
  }
  settle();
  return {run.size(), cpu_seconds() - start};
}

/// Dropped in silence it would be missed somewhere, or taken for another's later.
[[noreturn]] void came_out_of_turn(const Message& message) {
  throw Error(fmt::format("a message of kind {} from rank {} came out of turn",
                          static_cast<int>(message.tag), message.from));
}

class Worker {
 public:
  Worker(Work& work, Communicator& ranks, Watch& watch)
      : work_(work), ranks_(ranks), watch_(watch), talk_(work, ranks) {}

  void run() try {
    const Between attend = [this] { this->attend(); };
    const bool ask_ahead = !work_.long_pieces();
    request({});
    Request took;
    for (PieceRun run = next(); run.size() > 0; run = next()) {
      // Asked for before this run is begun, the next one is there when it is needed, though rank 0
      // be busy with a row of its own.
      if (ask_ahead) request(took);
      took = do_run(work_, run, attend, talk_);
      if (!ask_ahead) request(took);
    }
    talk_.finish();
    for (BackOff back_off; !done_; back_off.pause()) attend();
  } catch (const RunEnds&) {
    talk_.hand_over();
    throw;
  }

 private:
  void request(const Request& request) { ranks_.send(0, Tag::request, packed(request)); }

  void attend() {
    while (const auto message = ranks_.poll()) {
      if (message->tag == Tag::pieces) {
        runs_.push_back(unpacked<PieceRun>(message->bytes));
      } else if (message->tag == Tag::done) {
        for (const int rank : ranks_.tree().below) ranks_.send(rank, Tag::done, {});
        done_ = true;
        return;
      } else if (talk_.take(*message) == TreeTalk::Taken::no) {
        came_out_of_turn(*message);
      }
    }
    talk_.tell();
    watch_.look();
  }

  PieceRun next() {
    const auto since = Clock::now();
    for (BackOff back_off; runs_.empty(); back_off.pause()) {
      attend();
      watch_.waiting(since);
    }
    const PieceRun run = runs_.front();
    runs_.pop_front();
    return run;
  }

  Work& work_;
  Communicator& ranks_;
  Watch& watch_;
  TreeTalk talk_;
  std::deque<PieceRun> runs_;  // to be done
  bool done_ = false;
};

class Master {
 public:
  Master(Work& work, QueueState& state, Communicator& ranks, Watch& watch, const QueueHooks& hooks,
         search::Serving& serving)
      : work_(work),
        state_(state),
        ranks_(ranks),
        watch_(watch),
        hooks_(hooks),
        serving_(serving),
        talk_(work, ranks),
        source_(state, work, ranks.size()) {}

  void run() {
    try {
      do_all();
    } catch (const Interrupted&) {
      talk_.hand_over();
      checkpoint();
      throw;
    } catch (const RunEnds&) {
      talk_.gather_now();
      checkpoint();
      throw;
    }
    serving_.all_cpu_s += talk_.cpu_s_below();
    serving_.news_cpu_s += talk_.news_cpu_s();
  }

 private:
  void do_all() {
    watch_.begin();
    const Between attend = [this] { this->attend(); };
    attend();
    for (PieceRun run = take(); run.size() > 0; run = take()) {
      const Request took = do_run(work_, run, attend, talk_);
      source_.measured(took.pieces, took.seconds);
      attend();
      report_progress();
    }
    talk_.finish();
    for (BackOff back_off; !talk_.over();) {
      const auto before = serving_.messages;
      attend();
      if (serving_.messages == before) back_off.pause();
    }
    report_progress();
    for (const int rank : ranks_.tree().below) ranks_.send(rank, Tag::done, {});
    note_state();
  }

  PieceRun take() {
    return hooks_.out_of_time && hooks_.out_of_time() ? PieceRun{} : source_.take();
  }

  void attend() {
    const double before = cpu_seconds();
    double merging = 0;
    ++serving_.looks;
    while (const auto message = ranks_.poll()) {
      const double start = cpu_seconds();
      ++serving_.messages;
      const auto bytes = static_cast<std::int64_t>(message->bytes.size());
      serving_.bytes += bytes;
      serving_.requests += message->tag == Tag::request ? 1 : 0;
      serving_.news += message->tag == Tag::news ? 1 : 0;
      serving_.news_bytes += message->tag == Tag::news ? bytes : 0;
      if (message->tag == Tag::request) {
        answer(message->from, unpacked<Request>(message->bytes));
        continue;
      }
      const auto taken = talk_.take(*message);
      if (taken == TreeTalk::Taken::no) came_out_of_turn(*message);
      if (taken == TreeTalk::Taken::last_report) merging += cpu_seconds() - start;
    }
    talk_.tell();
    watch_.look();
    serving_.cpu_s += cpu_seconds() - before - merging;
    serving_.merging_cpu_s += merging;
    if (!hooks_.checkpoint) return;
    if (!gathering_ && watch_.checkpoint_due()) {
      talk_.gather();
      gathering_ = true;
    }
    if (gathering_ && talk_.gathered()) {
      gathering_ = false;
      checkpoint();
    }
  }

  void answer(int rank, const Request& request) {
    if (request.pieces > 0) source_.measured(request.pieces, request.seconds);
    ranks_.send(rank, Tag::pieces, packed(take()));
  }

  void note_state() {
    for (const auto& run : talk_.take_done()) source_.done(run);
    state_ = source_.state();
  }

  void checkpoint() {
    note_state();
    if (hooks_.checkpoint) hooks_.checkpoint(state_);
  }

  void report_progress() {
    if (!hooks_.progress) return;
    note_state();
    hooks_.progress(state_);
  }

  Work& work_;
  QueueState& state_;
  Communicator& ranks_;
  Watch& watch_;
  const QueueHooks& hooks_;
  search::Serving& serving_;
  TreeTalk talk_;
  RunSource source_;
  bool gathering_ = false;
};

}  // namespace

bool fits(const QueueState& state, std::int64_t pieces) {
  return state.next >= 0 && state.next <= pieces &&
         std::all_of(state.open.begin(), state.open.end(), [&](const PieceRun& run) {
           return run.first >= 0 && run.first < run.end && run.end <= state.next;
         });
}

void run_queue(Work& work, QueueState& state, Communicator& ranks, Watch& watch,
               const QueueHooks& hooks, search::Serving& serving) {
  if (!ranks.is_root()) return Worker(work, ranks, watch).run();
  const double before = cpu_seconds();
  Master(work, state, ranks, watch, hooks, serving).run();
  const double took = cpu_seconds() - before;
  serving.of_cpu_s += took;
  serving.all_cpu_s += took;
}

}  // namespace rooflaw::cluster
