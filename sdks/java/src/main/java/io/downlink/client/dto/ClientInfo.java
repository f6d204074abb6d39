package io.downlink.client.dto;

/**
 * Where the platform is, and who calls it.
 */
public class ClientInfo {
    private String platformIp;
    private String platformPort;
    private String appId;
    private String secret;

    /**
     * Makes one without members; all four are needed.
     */
    public ClientInfo() {
    }

    /**
     * The platform's host.
     *
     * @return a name or an address
     */
    public String getPlatformIp() {
        return platformIp;
    }

    /**
     * The platform's host.
     *
     * @param platformIp a name or an address, without scheme and port
     */
    public void setPlatformIp(String platformIp) {
        this.platformIp = platformIp;
    }

    /**
     * The platform's port.
     *
     * @return a number, 8743 unless the operator has changed it
     */
    public String getPlatformPort() {
        return platformPort;
    }

    /**
     * The platform's port.
     *
     * @param platformPort 1 to 65535; 8743 unless the operator has changed it
     */
    public void setPlatformPort(String platformPort) {
        this.platformPort = platformPort;
    }

    /**
     * The application.
     *
     * @return its id
     */
    public String getAppId() {
        return appId;
    }

    /**
     * The application.
     *
     * @param appId its id, 1 to 256 characters without blanks
     */
    public void setAppId(String appId) {
        this.appId = appId;
    }

    /**
     * The application's secret.
     *
     * @return what it logs in with
     */
    public String getSecret() {
        return secret;
    }

    /**
     * The application's secret.
     *
     * @param secret what it logs in with, 1 to 256 characters without blanks
     */
    public void setSecret(String secret) {
        this.secret = secret;
    }

    @Override
    public String toString() {
        return "ClientInfo [platformIp=" + platformIp + ", platformPort=" + platformPort + ", appId=" + appId
            + ", secret=" + (secret == null ? null : "***") + "]";
    }
}
