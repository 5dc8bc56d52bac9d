% Reads a frontier of a result and finds the best architecture within a time: octave example.m RESULT.h5 TARGET SECONDS
%
%   octave-cli --quiet --no-history results/example.m results/quick.h5 jetson-agx-orin-64gb.int8.vla.total 0.1
%
% Octave reads the groups of frontiers as they are; it cannot read the texts of /targets and /inputs, so only the
% group is loaded that is needed. It writes - and . in names as _. MATLAB has h5read for the same columns.

arguments = argv();
if numel(arguments) != 3
  error("usage: example.m RESULT.h5 TARGET SECONDS");
end
[file, target] = arguments{1:2};
within = str2double(arguments{3});

frontiers = load(file, "frontiers").frontiers;
law = fieldnames(frontiers){1};                       % the first by name
name = regexprep(target, "[^A-Za-z0-9_]", "_");
if !isfield(frontiers.(law), name)
  error("%s has no target %s", file, target);
end
points = frontiers.(law).(name);

row = find(points.objective <= within, 1, "last");    % sorted: the slowest that is fast enough has the lowest loss
if isempty(row)
  printf("%s: nothing is as fast as %g s; the fastest takes %g s\n", target, within, points.objective(1));
else
  printf("%s within %g s: loss %.17g, %.17g s, %d layers, width %d, %d KV heads, %d of %d experts of %d\n", ...
         target, within, points.loss(row), points.objective(row), points.layers(row), points.width(row), ...
         points.kv_heads(row), points.top_k(row), points.experts(row), points.expert_ffn(row));
end
