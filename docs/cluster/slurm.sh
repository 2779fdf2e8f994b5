#!/usr/bin/env bash
# sbatch docs/cluster/slurm.sh python -m experiments.search experiments/spaces/recipe.yaml --cluster auto
#SBATCH --job-name=trainings
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --time=08:00:00
set -euo pipefail
# The folder of the project is shared by all machines, and `make .venv/cluster` has run in it.
export PATH="$SLURM_SUBMIT_DIR/.venv/bin:$PATH"
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0
ray get-auth-token --generate > /dev/null # into the home folder, which is shared too
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head --lines=1)
# It starts Ray on all machines, runs the command on the first, and stops Ray.
srun ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" \
  --num-cpus "$SLURM_CPUS_PER_TASK" -- "$@"
