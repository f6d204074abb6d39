package io.downlink.client.dto;

/**
 * The certificates of a client: whom it trusts, and what it shows. A member that is null is not used; one that is empty is refused.
 */
public class SSLConfig {
    private String selfCertPath;
    private String selfCertPwd;
    private String trustCAPath;
    private String trustCAPwd;

    /**
     * Makes one without members: the authorities of the Java runtime are trusted, and no certificate is shown.
     */
    public SSLConfig() {
    }

    /**
     * The client's own certificate and its key.
     *
     * @return the path of a key store, or null
     */
    public String getSelfCertPath() {
        return selfCertPath;
    }

    /**
     * The client's own certificate and its key, for platforms that ask for one.
     *
     * @param selfCertPath the path of a key store (PKCS12 or JKS), or null
     */
    public void setSelfCertPath(String selfCertPath) {
        this.selfCertPath = selfCertPath;
    }

    /**
     * The password of the client's key store.
     *
     * @return the password, or null
     */
    public String getSelfCertPwd() {
        return selfCertPwd;
    }

    /**
     * The password of the client's key store.
     *
     * @param selfCertPwd the password, which opens the key too
     */
    public void setSelfCertPwd(String selfCertPwd) {
        this.selfCertPwd = selfCertPwd;
    }

    /**
     * The authorities that are trusted.
     *
     * @return the path of a trust store, or null
     */
    public String getTrustCAPath() {
        return trustCAPath;
    }

    /**
     * The authorities that are trusted, instead of those of the Java runtime.
     *
     * @param trustCAPath the path of a trust store (JKS or PKCS12), or of a file with certificates in PEM, which {@code tls/ca.pem} of
     * the platform's data folder is
     */
    public void setTrustCAPath(String trustCAPath) {
        this.trustCAPath = trustCAPath;
    }

    /**
     * The password of the trust store.
     *
     * @return the password, or null
     */
    public String getTrustCAPwd() {
        return trustCAPwd;
    }

    /**
     * The password of the trust store.
     *
     * @param trustCAPwd the password; PEM needs none
     */
    public void setTrustCAPwd(String trustCAPwd) {
        this.trustCAPwd = trustCAPwd;
    }

    @Override
    public String toString() {
        return "SSLConfig [selfCertPath=" + selfCertPath + ", selfCertPwd=" + hidden(selfCertPwd) + ", trustCAPath=" + trustCAPath
            + ", trustCAPwd=" + hidden(trustCAPwd) + "]";
    }

    private static String hidden(String password) {
        return password == null ? null : "***";
    }
}
