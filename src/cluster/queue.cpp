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

// Of the time, what checkpoints may take at most, however often they are asked for: nobody is
// served meanwhile.
constexpr double most_writing = 0.05;

/// What a rank did of a run.
struct Took {
  std::int64_t pieces = 0;
  double seconds = 0;
  PieceRun rest;  // left undone: the run was too long
};
template <class Archive>
void fields(Archive& a, Took& x) {
  a(x.pieces, x.seconds, x.rest);
}

/// A worker tells rank 0 what it did, and mostly wants a run.
struct Request {
  Took took;
  bool wants = true;
  bool idle = true;  // has none
};
template <class Archive>
void fields(Archive& a, Request& x) {
  a(x.took, x.wants, x.idle);
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
Took do_run(Work& work, const HandedRun& handed, const Between& between, TreeTalk& talk) {
  const PieceRun& run = handed.run;
  const double start = cpu_seconds();
  PieceRun done{run.first, run.first};
  const auto settle = [&] {
    if (done.size() == 0) return;
    work.settle();
    talk.settled(done);
  };
  const auto too_long = [&] {
    return done.size() > 0 && cpu_seconds() - start > handed.most_seconds;
  };
  try {
    for (; done.end < run.end && !too_long(); ++done.end) score(work, done.end, between);
  } catch (const RunEnds&) {
    settle();
    throw;
  }
  settle();
  return {done.size(), cpu_seconds() - start, {done.end, run.end}};
}

/// Says now and then that it is time to look for messages: a look costs microseconds, and where
/// ranks share cores the rest of a turn, the steps between which one may be taken often less. So
/// the processor's clock tells the time; it is asked when so much has passed of any.
class Looks {
 public:
  bool due() {
    const auto now = Clock::now();
    if (now < ask_at_) return false;
    const double cpu = cpu_seconds();
    const bool is_due = cpu >= due_at_;
    if (is_due) due_at_ = cpu + pause;
    ask_at_ = now + std::chrono::duration_cast<Clock::duration>(
                        std::chrono::duration<double>(due_at_ - cpu));
    return is_due;
  }

 private:
  static constexpr double pause = 5e-3;  // tunable, seconds
  Clock::time_point ask_at_{};
  double due_at_ = 0;
};

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
    const Between between = [this] {
      if (looks_.due()) attend();
    };
    const bool ask_ahead = !work_.long_pieces();
    request({});
    for (HandedRun run = next(); run.run.size() > 0; run = next()) {
      // Asked for before this run is begun, the next one is there when it is needed, though rank 0
      // be busy with a row of its own.
      if (ask_ahead) request({.took = std::exchange(took_, {}), .idle = false});
      work_.take_needed(run.run.first, run.needed);
      took_ = do_run(work_, run, between, talk_);
      if (!ask_ahead)
        request({.took = std::exchange(took_, {})});
      else if (took_.rest.size() > 0 || runs_.empty())
        request({.took = std::exchange(took_, {}), .wants = false, .idle = runs_.empty()});
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
        auto handed = unpacked<HandedRun>(message->bytes);
        waits_ = handed.wait;
        if (!waits_) runs_.push_back(std::move(handed));
      } else if (message->tag == Tag::done) {
        for (const int rank : ranks_.tree().below) ranks_.send(rank, Tag::done, {});
        done_ = true;
        return;
      } else if (!talk_.take(*message)) {
        came_out_of_turn(*message);
      }
    }
    talk_.tell();
    watch_.look();
  }

  HandedRun next() {
    const auto since = Clock::now();
    for (BackOff back_off; runs_.empty(); back_off.pause()) {
      attend();
      if (!waits_) watch_.waiting(since);
    }
    HandedRun run = std::move(runs_.front());
    runs_.pop_front();
    return run;
  }

  Work& work_;
  Communicator& ranks_;
  Watch& watch_;
  TreeTalk talk_;
  Looks looks_;
  std::deque<HandedRun> runs_;  // to be done
  Took took_;                   // of the last, not told yet
  bool waits_ = false;          // rank 0 answered, and has none now
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
        source_(state, work, ranks.size()),
        idle_(static_cast<std::size_t>(ranks.size()), true) {}

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
    const Between between = [this] {
      if (looks_.due()) attend();
    };
    attend();
    for (BackOff back_off;;) {
      const HandedRun run = take();
      if (run.run.size() > 0) {
        took(do_run(work_, run, between, talk_));
        attend();
        report_progress();
      } else if (all_idle()) {
        break;
      } else {  // what is under way may come back
        const auto before = serving_.messages;
        attend();
        if (serving_.messages == before) back_off.pause();
      }
    }
    for (const int rank : waiting_) ranks_.send(rank, Tag::pieces, packed(HandedRun{}));
    talk_.finish();
    cpu_of_attending_ = &serving_.merging_cpu_s;
    for (BackOff back_off; !talk_.over();) {
      const auto before = serving_.messages;
      attend();
      if (serving_.messages == before) back_off.pause();
    }
    report_progress();
    for (const int rank : ranks_.tree().below) ranks_.send(rank, Tag::done, {});
    note_state();
  }

  HandedRun take() {
    return hooks_.out_of_time && hooks_.out_of_time() ? HandedRun{} : source_.take();
  }

  void took(const Took& took) {
    if (took.pieces > 0) source_.measured(took.pieces, took.seconds);
    if (took.rest.size() == 0) return;
    source_.give_back(took.rest);
    serve();
  }

  /// Nothing is under way on any worker.
  bool all_idle() const {
    return std::ssize(waiting_) + 1 == ranks_.size() &&
           std::all_of(waiting_.begin(), waiting_.end(),
                       [&](int rank) { return idle_[static_cast<std::size_t>(rank)]; });
  }

  void attend() {
    const double before = cpu_seconds(), merging_before = talk_.merging_cpu_s();
    ++serving_.looks;
    while (const auto message = ranks_.poll()) {
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
      if (!talk_.take(*message)) came_out_of_turn(*message);
    }
    talk_.tell();
    watch_.look();
    // Reports may come while pieces are still done here.
    const double merging = talk_.merging_cpu_s() - merging_before;
    *cpu_of_attending_ += cpu_seconds() - before - merging;
    serving_.merging_cpu_s += merging;
    if (!hooks_.checkpoint) return;
    if (!gathering_ && Clock::now() >= may_gather_ && watch_.checkpoint_due()) {
      talk_.gather();
      gathering_ = true;
    }
    if (gathering_ && talk_.gathered()) {
      gathering_ = false;
      const auto start = Clock::now();
      checkpoint();
      may_gather_ = Clock::now() + (Clock::now() - start) * static_cast<int>(1.0 / most_writing);
    }
  }

  void answer(int rank, const Request& request) {
    took(request.took);
    idle_[static_cast<std::size_t>(rank)] = request.idle;
    if (request.wants) waiting_.push_back(rank);
    serve();
    if (request.wants && !waiting_.empty())
      ranks_.send(rank, Tag::pieces, packed(HandedRun{.wait = true}));
  }

  void serve() {
    while (!waiting_.empty()) {
      HandedRun run = take();
      if (run.run.size() == 0) return;
      run.needed = work_.needed_for(run.run.first, run.run.end);
      ranks_.send(waiting_.front(), Tag::pieces, packed(run));
      waiting_.pop_front();
    }
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
  double* cpu_of_attending_ = &serving_.cpu_s;  // once all is done, it belongs to the merge
  TreeTalk talk_;
  Looks looks_;
  RunSource source_;
  std::deque<int> waiting_;  // ranks that want a run
  std::vector<bool> idle_;   // by rank: has none, as far as it told
  bool gathering_ = false;
  Clock::time_point may_gather_{};
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
