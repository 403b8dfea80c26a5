#!/bin/bash
#SBATCH --job-name=XXXnameXXX
#SBATCH --ntasks=XXXmpinodesXXX
#SBATCH --cpus-per-task=XXXthreadsXXX
#SBATCH --error=XXXerrfileXXX
#SBATCH --output=XXXoutfileXXX
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
exec XXXcommandXXX
