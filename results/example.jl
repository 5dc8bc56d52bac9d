# Reads a frontier of a result and finds the best architecture within a time: julia example.jl RESULT.h5 TARGET SECONDS
#
#   julia -e 'using Pkg; Pkg.add("HDF5")'
#   julia results/example.jl results/quick.h5 jetson-agx-orin-64gb.int8.vla.total 0.1

using HDF5, Printf

length(ARGS) == 3 || error("usage: example.jl RESULT.h5 TARGET SECONDS")
file, target, within = ARGS[1], ARGS[2], parse(Float64, ARGS[3])

h5open(file, "r") do result
    law = first(keys(result["frontiers"]))                # the first by name
    haskey(result["frontiers"][law], target) || error("$file has no target $target")
    points = result["frontiers"][law][target]
    column(name) = read(points[name])

    row = searchsortedlast(column("objective"), within)   # sorted: the slowest that is fast enough has the lowest loss
    if row == 0
        @printf("%s: nothing is as fast as %g s; the fastest takes %g s\n", target, within, first(column("objective")))
    else
        at(name) = column(name)[row]
        @printf("%s within %g s: loss %.17g, %.17g s, %d layers, width %d, %d KV heads, %d of %d experts of %d\n",
                target, within, at("loss"), at("objective"), at("layers"), at("width"), at("kv_heads"),
                at("top_k"), at("experts"), at("expert_ffn"))
    end
end
