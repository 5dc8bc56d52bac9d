#include "rooflaw/cluster/queue.hpp"

#include <ctime>
#include <set>

#include <fmt/format.h>

#include "rooflaw/cluster/messages.hpp"

namespace rooflaw::cluster {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Index no_more_pieces = -1;

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

/// Finds are shared now and then: one that is soon beaten by another then never travels.
class Due {
 public:
  bool now() {
    const auto time = Clock::now();
    if (time - last_ < std::chrono::milliseconds(500)) return false;
    last_ = time;
    return true;
  }

 private:
  Clock::time_point last_ = Clock::now();
};

void score(Work& work, Index piece, const Between& between) {
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

class Worker {
 public:
  Worker(Work& work, Communicator& ranks, Watch& watch)
      : work_(work), ranks_(ranks), watch_(watch) {}

  void run() {
    const Between look = [this] { watch_.look(); };
    const bool ask_ahead = !work_.long_pieces();
    request(false);
    for (;;) {
      const Message message = wait_for(Tag::piece);
      Unpacker unpacker(message.bytes);
      const auto piece = unpacker.get<Index>();
      if (piece == no_more_pieces) break;
      work_.learn(unpacker.get_all<std::byte>());
      // Asked for before this piece is begun, the next one is there when it is needed, though rank
      // 0 be busy with a row of its own.
      if (ask_ahead) request(due_.now());
      score(work_, piece, look);
      done_.push_back(piece);
      if (!ask_ahead) request(due_.now());
    }
    ranks_.send(0, Tag::last_report, report());
    wait_for(Tag::done);
  }

 private:
  Bytes report() {
    Packer packer;
    packer.put_all(std::span<const Index>(done_));
    packer.put_all(std::span<const std::byte>(work_.report()));
    done_.clear();
    return packer.take();
  }
  void request(bool with_report) { ranks_.send(0, Tag::request, with_report ? report() : Bytes{}); }
  Message wait_for(Tag tag) {
    const auto since = Clock::now();
    for (BackOff back_off;; back_off.pause()) {
      if (auto message = ranks_.poll(); message && message->tag == tag) return std::move(*message);
      watch_.look();
      // At the end rank 0 waits for the others, and need not answer before.
      if (tag == Tag::piece) watch_.waiting(since);
    }
  }

  Work& work_;
  Communicator& ranks_;
  Watch& watch_;
  Due due_;
  std::vector<Index> done_;  // since the last report
};

class Master {
 public:
  Master(Work& work, QueueState& state, Communicator& ranks, Watch& watch, const QueueHooks& hooks,
         Serving& serving)
      : work_(work),
        state_(state),
        ranks_(ranks),
        watch_(watch),
        hooks_(hooks),
        serving_(serving),
        again_(state.open.begin(), state.open.end()),
        due_(static_cast<std::size_t>(ranks.size())) {}

  void run() {
    try {
      watch_.begin();
      const Between attend = [this] { this->attend(); };
      attend();
      for (Index piece = take(); piece != no_more_pieces; piece = take()) {
        score(work_, piece, attend);
        under_way_.erase(piece);
        attend();
        report_progress();
      }
      for (BackOff back_off; last_reports_ + 1 < ranks_.size();) {
        const auto before = serving_.messages;
        attend();
        if (serving_.messages == before) back_off.pause();
      }
      report_progress();
      for (int rank = 1; rank < ranks_.size(); ++rank) ranks_.send(rank, Tag::done, {});
      note_state();
    } catch (const RunEnds&) {
      checkpoint();
      throw;
    }
  }

 private:
  Index take() {
    if (hooks_.out_of_time && hooks_.out_of_time()) return no_more_pieces;
    Index piece = no_more_pieces;
    if (!again_.empty())
      piece = again_.extract(again_.begin()).value();
    else if (state_.next < work_.pieces())
      piece = state_.next++;
    if (piece != no_more_pieces) under_way_.insert(piece);
    return piece;
  }

  void attend() {
    while (const auto message = ranks_.poll()) {
      const double before = cpu_seconds();
      answer(*message);
      serving_.cpu_s += cpu_seconds() - before;
      ++serving_.messages;
    }
    watch_.look();
    if (hooks_.checkpoint && watch_.checkpoint_due()) checkpoint();
  }

  void answer(const Message& message) {
    if (!message.bytes.empty()) {
      Unpacker unpacker(message.bytes);
      const auto done = unpacker.get_all<Index>();
      work_.absorb(unpacker.get_all<std::byte>());
      for (const Index piece : done) under_way_.erase(piece);
    }
    if (message.tag == Tag::last_report) {
      ++last_reports_;
      return;
    }
    Packer packer;
    packer.put(take());
    const bool due = due_[static_cast<std::size_t>(message.from)].now();
    packer.put_all(std::span<const std::byte>(due ? work_.news(message.from) : Bytes{}));
    ranks_.send(message.from, Tag::piece, packer.take());
  }

  void note_state() {
    state_.open.assign(again_.begin(), again_.end());
    state_.open.insert(state_.open.end(), under_way_.begin(), under_way_.end());
  }

  void checkpoint() {
    note_state();
    if (hooks_.checkpoint) hooks_.checkpoint(state_);
  }

  void report_progress() {
    if (hooks_.progress) hooks_.progress(state_);
  }

  Work& work_;
  QueueState& state_;
  Communicator& ranks_;
  Watch& watch_;
  const QueueHooks& hooks_;
  Serving& serving_;
  std::set<Index> again_;      // left over from an earlier run
  std::set<Index> under_way_;  // handed out, not reported
  int last_reports_ = 0;
  std::vector<Due> due_;  // by rank: to be told more
};

}  // namespace

void run_queue(Work& work, QueueState& state, Communicator& ranks, Watch& watch,
               const QueueHooks& hooks, Serving& serving) {
  if (!ranks.is_root()) return Worker(work, ranks, watch).run();
  const double before = cpu_seconds();
  Master(work, state, ranks, watch, hooks, serving).run();
  serving.of_cpu_s += cpu_seconds() - before;
}

}  // namespace rooflaw::cluster
