"""The semantic cache's promises on public data sets, kept by the rules that ship: `floorline bench semantic`.

data      what is read, and its vectors, made once
stream    questions that come one after the other, from an empty cache on
pairs     pairs that people judged, half of them labels and the rest checked
traps     questions that look alike and are not the same
suite     the figures, side by side
"""
