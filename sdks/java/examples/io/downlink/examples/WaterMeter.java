package io.downlink.examples;

import io.downlink.client.NorthApiClient;
import io.downlink.client.NorthApiException;
import io.downlink.client.WebhookVerifier;
import io.downlink.client.dto.ClientInfo;
import io.downlink.client.dto.CommandDTO2;
import io.downlink.client.dto.CommandDTOV4;
import io.downlink.client.dto.CommandNA2CloudHeader;
import io.downlink.client.dto.NotifyCommandRspDTO;
import io.downlink.client.dto.NotifyNBCommandStatusChangedDTO;
import io.downlink.client.dto.PostDeviceCommandInDTO2;
import io.downlink.client.dto.PostDeviceCommandOutDTO2;
import io.downlink.client.dto.SSLConfig;
import io.downlink.client.dto.UpdateDeviceCommandInDTO;
import io.downlink.client.dto.UpdateDeviceCommandOutDTO;
import io.downlink.client.invokeapi.Authentication;
import io.downlink.client.invokeapi.DeviceServiceInvocation;
import io.downlink.client.invokeapi.PushMessageReceiver;
import io.downlink.client.invokeapi.SignalDelivery;
import io.downlink.constant.CommandStatus;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * An application with one water meter: it queues a command, takes another one back, learns by callbacks what became of the first, and
 * calls the meter directly once it is awake.
 *
 * <p>It reads DOWNLINK_URL, DOWNLINK_CA (not for http), DOWNLINK_APP, DOWNLINK_SECRET, DOWNLINK_WEBHOOK_SECRET and DOWNLINK_DEVICE.
 */
public final class WaterMeter {
    /** The device sleeps: what cannot wait is refused. */
    private static final String OFFLINE = "100428";
    private static final long PATIENCE_S = 120;

    private final String device;
    private final String callbacks;
    private final Listener listener;
    private final SignalDelivery delivery;
    private final DeviceServiceInvocation invocation;

    private WaterMeter(NorthApiClient client, Listener listener, String device) {
        this.device = device;
        this.listener = listener;
        this.callbacks = "http://127.0.0.1:" + listener.getAddress().getPort();
        this.delivery = new SignalDelivery(client);
        this.invocation = new DeviceServiceInvocation(client);
    }

    public static void main(String[] args) throws Exception {
        try (NorthApiClient client = connect(); Listener listener = new Listener()) {
            listener.setWebhookVerifier(new WebhookVerifier(setting("DOWNLINK_WEBHOOK_SECRET")));
            listener.start(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
            Authentication authentication = new Authentication(client);
            authentication.startRefreshTokenTimer();
            new WaterMeter(client, listener, setting("DOWNLINK_DEVICE")).run();
            authentication.stopRefreshTokenTimer();
        }
    }

    private void run() throws NorthApiException, InterruptedException {
        PostDeviceCommandOutDTO2 hourly = queue(1);
        System.out.println("queued, " + hourly.getStatus());
        PostDeviceCommandOutDTO2 daily = queue(24);
        System.out.println("taken back, " + cancel(daily.getCommandId()).getStatus());
        System.out.println("called, " + call());
        listener.done.await(PATIENCE_S, TimeUnit.SECONDS);
        System.out.println("called, " + call());
        if (!listener.answered.await(PATIENCE_S, TimeUnit.SECONDS)) {
            throw new IllegalStateException("the meter has not answered");
        }
    }

    /** Orders a period: the command waits for the meter, a day at the most. */
    private PostDeviceCommandOutDTO2 queue(int hours) throws NorthApiException {
        CommandDTOV4 command = new CommandDTOV4();
        command.setServiceId("WaterMeter");
        command.setMethod("SET_PERIOD");
        command.setParas(Map.of("value", hours));
        PostDeviceCommandInDTO2 order = new PostDeviceCommandInDTO2();
        order.setDeviceId(device);
        order.setCommand(command);
        order.setCallbackUrl(callbacks + PushMessageReceiver.COMMAND_PATH);
        order.setExpireTime(86_400);
        return delivery.postDeviceCommand(order, null, null);
    }

    /** Takes a command back. CANCELED proves that no byte of it has left. */
    private UpdateDeviceCommandOutDTO cancel(String commandId) throws NorthApiException {
        UpdateDeviceCommandInDTO cancel = new UpdateDeviceCommandInDTO();
        cancel.setStatus(CommandStatus.CANCELED);
        return delivery.updateDeviceCommand(cancel, commandId, null, null);
    }

    /** Calls the meter now or never. */
    private String call() throws NorthApiException {
        CommandNA2CloudHeader header = new CommandNA2CloudHeader();
        header.setMode("ACK");
        header.setMethod("SET_PERIOD");
        header.setCallbackURL(callbacks + PushMessageReceiver.PATH);
        CommandDTO2 call = new CommandDTO2();
        call.setHeader(header);
        call.setBody(Map.of("value", 12));
        try {
            return invocation.invokeDeviceService(device, "WaterMeter", call, null, null).getStatus();
        } catch (NorthApiException e) {
            if (OFFLINE.equals(e.getError_code())) {
                return "refused: " + e.getError_desc();
            }
            throw e;
        }
    }

    private static NorthApiClient connect() throws NorthApiException {
        URI url = URI.create(setting("DOWNLINK_URL"));
        ClientInfo info = new ClientInfo();
        info.setPlatformIp(url.getHost());
        info.setPlatformPort(Integer.toString(url.getPort()));
        info.setAppId(setting("DOWNLINK_APP"));
        info.setSecret(setting("DOWNLINK_SECRET"));
        NorthApiClient client = new NorthApiClient();
        client.setClientInfo(info);
        if (url.getScheme().equals("http")) {
            client.setPlainHttp(true);
        } else {
            SSLConfig trust = new SSLConfig();
            trust.setTrustCAPath(setting("DOWNLINK_CA"));
            client.initSSLConfig(trust);
        }
        // What does no harm is tried again, three times at the most.
        client.setHttpConnection(30_000, 10_000, 20, 20, 0, 3);
        return client;
    }

    private static String setting(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalArgumentException("set " + name);
        }
        return value;
    }

    /** Hears what becomes of commands and calls. */
    private static final class Listener extends PushMessageReceiver {
        final CountDownLatch done = new CountDownLatch(1);
        final CountDownLatch answered = new CountDownLatch(1);

        @Override
        public void handleNBCommandStateChanged(NotifyNBCommandStatusChangedDTO body) {
            String status = body.getResult().getResultCode();
            System.out.println("told, " + status);
            if (status.equals(CommandStatus.SUCCESSFUL) || status.equals(CommandStatus.FAILED)) {
                done.countDown();
            }
        }

        @Override
        public void handleCommandRsp(NotifyCommandRspDTO body) {
            System.out.println("answered, " + body.getBody());
            answered.countDown();
        }
    }
}
