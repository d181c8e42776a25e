#!/usr/bin/env bash
# Turn a bare host with NVIDIA GPUs into workers of the cluster, one per GPU. Once by hand, as root:
#   useradd --create-home forge; install -d -o forge /opt/forge /var/lib/forge /etc/forge
#   runuser -u forge -- git clone URL /opt/forge; cd /opt/forge
#   install -m 640 -g forge deploy/cluster.env /etc/forge/     and fill it in
# Then, and again whenever the project or the host has changed:
#   runuser -u forge -- deploy/gpu-host.sh   environment, CUDA build of torch, kernels compiled and checked
#   deploy/gpu-host.sh units                 the services, started now and after every boot
set -euo pipefail
cd "$(dirname "$0")/.."

ENV_FILE=${FORGE_ENV_FILE:-/etc/forge/cluster.env}

stop() {
	echo "gpu-host.sh: $1" >&2
	exit 2
}

cards() {
	nvidia-smi --query-gpu=index --format=csv,noheader
}

check_driver() {
	command -v nvidia-smi >/dev/null || stop "no nvidia-smi: install NVIDIA's driver, then run this again"
	nvidia-smi --query-gpu=index,name,driver_version,memory.total --format=csv,noheader ||
		stop "the driver does not answer: after an update of the kernel or the driver, reboot"
}

check_packages() {
	local missing=()
	command -v make >/dev/null || missing+=(make)
	command -v cc >/dev/null || missing+=(gcc) # Triton compiles the launchers of its kernels
	python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || stop "python3 is older than 3.11"
	if ((${#missing[@]})); then stop "install first: apt-get install ${missing[*]}"; fi
}

check_variables() {
	[[ -r $ENV_FILE ]] || stop "no $ENV_FILE: copy deploy/cluster.env there, fill it in, chmod 640"
	if grep -q 'change-me\|\.example' "$ENV_FILE"; then stop "$ENV_FILE still has values of the example"; fi
	set -a
	# shellcheck source=/dev/null
	source "$ENV_FILE"
	set +a
}

make_environment() {
	install -D -m 644 deploy/celery/dagster.yaml "$DAGSTER_HOME/dagster.yaml"
	make setup-dev # with a driver present, this installs the CUDA build of torch
	.venv/bin/python - <<-'PYTHON' || stop "torch finds no card: make clean, then run this again"
		import sys, torch
		print("torch", torch.__version__, "CUDA", torch.version.cuda, "cards", torch.cuda.device_count())
		sys.exit(not torch.cuda.is_available())
	PYTHON
}

warm_kernels() {
	for card in $(cards); do
		CUDA_VISIBLE_DEVICES=$card .venv/bin/forge solve --seed 0 --decl sixes --device cuda
	done
	.venv/bin/forge solve --seed 0 --decl sixes --device cpu
}

reach_services() {
	.venv/bin/dagster instance info >/dev/null || stop "PostgreSQL does not answer at $FORGE_PG_HOST:$FORGE_PG_PORT"
	.venv/bin/python -c 'import os, redis; redis.Redis.from_url(os.environ["FORGE_REDIS_URL"]).ping()' ||
		stop "Redis does not answer: see FORGE_REDIS_URL in $ENV_FILE"
	.venv/bin/forge doctor
}

start_units() {
	[[ $(id -u) == 0 ]] || stop "units: as root"
	command -v systemctl >/dev/null || stop "no systemd here: start a worker a card by hand, as docs/operations.md says"
	id forge >/dev/null || stop "no user forge: useradd --create-home forge"
	install -m 644 deploy/systemd/forge-worker@.service /etc/systemd/system/
	systemctl daemon-reload
	for card in $(cards); do
		systemctl enable "forge-worker@$card"
		systemctl restart --no-block "forge-worker@$card" # it finishes its current run before it loads new code
	done
	systemctl --no-pager list-units 'forge-worker@*'
}

check_driver
check_variables
case ${1:-} in
"")
	check_packages
	make_environment
	warm_kernels
	reach_services
	echo "ready; as root: deploy/gpu-host.sh units"
	;;
units) start_units ;;
*) stop "what is '$1'? Nothing, or units" ;;
esac
