# Causes every error code that an application can meet.
. "$(dirname "$0")/test-bed.sh"
start
downlink profile add "$(dirname "$0")/../../crates/profile/samples/water-meter.json" > /dev/null
downlink app create --id other > /dev/null
register meter-1 --profile Downlink/WM1
commands=cmd/v1.4.0/deviceCommands

# expect CODE COMMAND…: the command prints an answer with this code.
expect() {
  local code=$1 answer seen
  shift
  answer=$("$@") || true
  seen=$(jq -r .error_code <<< "$answer" 2> /dev/null || true)
  [ "$seen" = "$code" ] || { echo "expected $code, seen: $answer"; exit 1; }
  echo "$code $(jq -r .error_desc <<< "$answer")"
}

# awake COMMAND…: the same while the device is awake.
awake() { downlink device play meter-1 -- bash -c '"$@"' - "$@" 2> /dev/null; }

# With curl's own flags, without the headers that `api` sends.
bare() { curl -sS -H 'Content-Type: application/json' "$@"; }

echo '-- who calls'
expect 102202 bare "$url/sec/v1.1.0/login" -d '{"appId":"tests"}'
expect 100208 bare "$url/sec/v1.1.0/login" -d '{"appId":"tests","secret":"wrong"}'
expect 100220 bare "$url/$commands" -H "Authorization: Bearer $token"
expect 1010005 bare "$url/$commands" -H "app_key: $app" -H 'Authorization: Bearer wrong'
expect 100203 api GET "$commands?appId=nobody"
expect 100217 api GET "$commands?appId=other"

echo '-- what is asked'
expect 100022 api POST "$commands" '{"command":{}}'
expect 100418 api POST "$commands" "$(device=none order)"
expect 100403 api GET reg/v1.1.0/deviceCredentials/none
expect 100426 api POST reg/v2.0.0/deviceCredentials '{"deviceInfo":{"nodeId":"meter-1"},"mqttConnect":true}'
expect 100610 api PUT "reg/v1.1.0/deviceCredentials/$device" '{"verifyCode":"new"}'
expect 200001 api GET nowhere
expect 190405 api DELETE "$commands"
api POST "$commands" "$(order)" -H 'Idempotency-Key: mine' > /dev/null
expect 190409 api POST "$commands" "$(order ',"expireTime":60')" -H 'Idempotency-Key: mine'
head -c 3000000 /dev/zero | tr '\0' ' ' > "$DOWNLINK_DATA_FOLDER/large"
expect 190413 bare "$url/$commands" -H "app_key: $app" -H "Authorization: Bearer $token" -d "@$DOWNLINK_DATA_FOLDER/large"

echo '-- what became of the command'
expect 100434 api PUT "$commands/00000000000000000000000000000000" '{"status":"CANCELED"}'
id=$(post)
api PUT "$commands/$id" '{"status":"CANCELED"}' > /dev/null
expect 100435 api PUT "$commands/$id" '{"status":"CANCELED"}'

echo '-- what the product model knows'
expect 100431 api POST "$commands" "$(order | sed s/WaterMeter/Nothing/)"
expect 100022 api POST "$commands" "$(order | sed s/SET_PERIOD/NOTHING/)"
expect 100444 awake call Nothing
expect 102203 awake call WaterMeter NOTHING

echo '-- where the device is'
expect 100428 call
child=$(downlink device register --node-id child-1 --gateway meter-1 --profile Downlink/WM1 --json | jq -r .deviceId)
device=$child expect 100450 call
downlink device mute-command meter-1 WaterMeter SET_PERIOD > /dev/null
expect 100432 api POST "$commands" "$(order)"
downlink device unmute-command meter-1 WaterMeter SET_PERIOD > /dev/null
for n in $(seq 20); do post > /dev/null; done
expect 100223 api POST "$commands" "$(order)"
pass 8d
expect 100612 api POST "$commands" "$(order)"
downlink device play meter-1 > /dev/null

echo '-- what goes wrong on the platform'
# fault NAME CODE COMMAND…: the fault happens once, and causes this code.
fault() {
  downlink fault set "$1" > /dev/null
  expect "${@:2}"
}
fault handler 100001 api POST "$commands" "$(order)"
fault row 100023 api POST "$commands" "$(order)"
fault session-lookup 101016 api POST "$commands" "$(order)"
fault callback-address 101017 api POST "$commands" "$(order ',"callbackUrl":"https://receiver.example/"')"
fault overload 100501 api POST "$commands" "$(order)"
fault refuse-frame 50252 awake call

echo '-- how often, and whether at all'
downlink app throttle "$app" on > /dev/null
for n in $(seq 100); do api GET "$commands?pageSize=1" > /dev/null; done
expect 1010009 api GET "$commands?pageSize=1"
downlink app throttle "$app" off > /dev/null
downlink app freeze "$app" > /dev/null
expect 100247 bare "$url/sec/v1.1.0/login" -d "{\"appId\":\"$app\",\"secret\":\"$secret\"}"
downlink app unfreeze "$app" > /dev/null
login

echo '-- the worst: what was decided cannot be kept, and the platform ends rather than lie'
downlink fault set commit > /dev/null
expect 100001 api POST "$commands" "$(order)"
wait "$platform" || echo "the platform ended with status $?"
platform=
