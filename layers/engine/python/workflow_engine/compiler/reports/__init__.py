"""What a compilation tells people and other programs: the plan with its cost, the outline for the reader of results, a diagram."""
