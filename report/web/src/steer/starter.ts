/** A study file to begin with: it works as it is. */

export const STARTER = `# Every key is explained in docs/reference/study-files.md.
name = "my-study"
direction = "maximize"     # or "minimize"
trials = 24                # how many to finish
seed = 1

[objective]                # what a trial does: here a small network on drawn digits
kind = "mnist_cnn"
data = "digits"
network = "common"
train = 600
epoch_validation = 400
trial_validation = 1000
test = 1000
max_epochs = 10

# A program of your own, run by "kindling worker --kind command --allow-commands":
# kind = "command"
# command = ["python3", "train.py", "--lr", "\${learning_rate}"]

[pruner]                   # stops trials that are worse than half of the others
kind = "median"

[space.learning_rate]      # a parameter; one table for each
type = "float"
low = 5e-4
high = 1e-2
log = true

[space.winit_conv]
type = "categorical"
choices = ["gaussian", "xavier_normal", "he_normal"]

[space.gaussian_std_conv]  # counts only where winit_conv is gaussian
type = "float"
low = 0.25
high = 4.0
log = true
when = { winit_conv = "gaussian" }

[space.winit_fc]
type = "categorical"
choices = ["xavier_normal", "he_uniform"]
`;
