// The parameters of an architecture that is put together here: all, and those active per token.

#include <cstdio>

#include "rooflaw/model/evaluation.hpp"

int main() {
  rooflaw::model::Architecture a;
  a.layers = 24;
  a.width = 1024;
  a.heads = 16;
  a.head_dim = 64;
  a.kv_heads = 4;
  a.expert_ffn = 512;
  a.experts = 16;
  a.top_k = 2;
  a.vocab = 151936;
  const auto [total, active] = rooflaw::model::parameters(rooflaw::model::lift(a));
  std::printf("%.0f %.0f\n", total, active);
}
