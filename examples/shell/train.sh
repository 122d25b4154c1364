#!/bin/sh
# Gradient descent on x², by a shell: it asks for its parameter, reports each step, and gives its result. It runs alone, too.
rate=$(kindling tell param rate --default 0.01) || exit
x=5
for step in 0 1 2 3 4 5 6 7 8 9; do
    x=$(awk -v x="$x" -v rate="$rate" 'BEGIN { print x - rate * 2 * x }')
    loss=$(awk -v x="$x" 'BEGIN { print x * x }')
    kindling tell report --step "$step" "$loss" || exit # with its status: 10 if the trial is to stop, 1 for an error
done
kindling tell result "$loss"
