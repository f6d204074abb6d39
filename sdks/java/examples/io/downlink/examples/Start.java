package io.downlink.examples;

import io.downlink.client.NorthApiClient;
import io.downlink.client.dto.*;
import io.downlink.client.invokeapi.SignalDelivery;
import java.net.URI;
import java.util.Map;

/** Queues a command for a meter, and says how all commands stand. The five minutes of docs/sdk-java.md. */
public class Start {
    public static void main(String[] args) throws Exception {
        URI url = URI.create(System.getenv("DOWNLINK_URL"));
        ClientInfo info = new ClientInfo();
        info.setPlatformIp(url.getHost());
        info.setPlatformPort(Integer.toString(url.getPort()));
        info.setAppId(System.getenv("DOWNLINK_APP"));
        info.setSecret(System.getenv("DOWNLINK_SECRET"));
        SSLConfig trust = new SSLConfig();
        trust.setTrustCAPath(System.getenv("DOWNLINK_CA"));

        try (NorthApiClient client = new NorthApiClient()) {
            client.setClientInfo(info);
            client.initSSLConfig(trust);
            client.startRefreshTokenTimer();

            CommandDTOV4 command = new CommandDTOV4();
            command.setServiceId("WaterMeter");
            command.setMethod("SET_PERIOD");
            command.setParas(Map.of("value", 12));
            PostDeviceCommandInDTO2 order = new PostDeviceCommandInDTO2();
            order.setDeviceId(System.getenv("DOWNLINK_DEVICE"));
            order.setCommand(command);

            SignalDelivery delivery = new SignalDelivery(client);
            System.out.println("ordered " + delivery.postDeviceCommand(order, null, null).getCommandId());
            for (DeviceCommandRespV4 known : delivery.queryDeviceCommand(null, null).getData()) {
                System.out.println(known.getCommandId() + " is " + known.getStatus());
            }
        }
    }
}
