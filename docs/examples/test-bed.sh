# A platform for tests, and a few words to talk to it. The other examples begin with it: . test-bed.sh
set -euo pipefail
export DOWNLINK_DATA_FOLDER=$(mktemp -d)
platform=

stop() {
  [ -z "$platform" ] || kill "$platform" 2>/dev/null || true
  wait
  rm -rf "$DOWNLINK_DATA_FOLDER"
}
trap stop EXIT

# Starts a server whose time stands still, on free ports of loopback, with an application that logs in.
start() {
  downlink serve --test-clock --free-ports --plain-http --set mqtt.tls=false "$@" 2> "$DOWNLINK_DATA_FOLDER/log" &
  platform=$!
  until [ -f "$DOWNLINK_DATA_FOLDER/ports.json" ]; do
    kill -0 "$platform" || { cat "$DOWNLINK_DATA_FOLDER/log"; exit 1; }
    sleep 0.1
  done
  export url=http://$(jq -r .north "$DOWNLINK_DATA_FOLDER/ports.json")/iocm/app
  export app=tests
  secret=$(downlink app create --id "$app" --unthrottled --json | jq -r .secret)
  login
}

login() {
  export token=$(curl -sS "$url/sec/v1.1.0/login" -d "appId=$app" -d "secret=$secret" | jq -r .accessToken)
}

# pass TIME: time passes, and with it the hour that a token lives.
pass() {
  downlink clock advance "$1" > /dev/null
  login
}

# api METHOD PATH [JSON [more flags of curl]]: a call of the application; prints the answer.
api() {
  curl -sS -X "$1" "$url/$2" -H "app_key: $app" -H "Authorization: Bearer $token" \
    -H 'Content-Type: application/json' ${3:+-d "$3"} "${@:4}"
}

# register NODEID [more flags]: a device; its id is in $device, its secret where `downlink device play` looks for it.
register() {
  local made
  made=$(downlink device register --app "$app" --node-id "$@" --json)
  export device=$(jq -r .deviceId <<< "$made") DOWNLINK_DEVICE_SECRET=$(jq -r .secret <<< "$made")
}

# order [MEMBERS]: the body of a command, with further members.
order() {
  echo '{"deviceId":"'"$device"'","command":{"serviceId":"WaterMeter","method":"SET_PERIOD","paras":{"value":12}}'"${1:-}"'}'
}

# post [MEMBERS]: queues a command and prints its id.
post() {
  api POST cmd/v1.4.0/deviceCommands "$(order "${1:-}")" | jq -r .commandId
}

# call [SERVICE [METHOD]]: calls the device directly, with toType CLOUD: the answer waits for its acknowledgement.
call() {
  api POST "signaltrans/v1.1.0/devices/$device/services/${1:-WaterMeter}/sendCommand" \
    '{"header":{"mode":"ACK","method":"'"${2:-SET_PERIOD}"'","toType":"CLOUD"},"body":{"value":12}}'
}

export -f api call
