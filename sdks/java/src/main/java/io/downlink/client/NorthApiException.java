package io.downlink.client;

import io.downlink.constant.ErrorCode;
import io.downlink.constant.ExceptionEnum;

/**
 * Why a call did not succeed: a code of the platform, or one of the client's own ({@link ExceptionEnum}).
 *
 * <p>A refusal of the platform is an exception whatever its HTTP status is; the contract sends many of them with 200.
 */
public class NorthApiException extends Exception {
    private static final long serialVersionUID = 1L;

    /** The {@code httpStatusCode} of what failed on the client's side. */
    private static final int NO_STATUS = -1;

    /** The code. */
    private String error_code;
    /** Its text. */
    private String error_desc;
    /** The status of the answer. */
    private int httpStatusCode = NO_STATUS;
    /** What the status is called. */
    private String httpReasonPhase;
    /** The body of a foreign answer, or the text of a cause; never null. */
    private String httpMessage = "";
    /** What was wrong in this request. */
    private String detail;
    /** The answer's mark in the platform's log. */
    private String requestId;

    /**
     * Makes one that says nothing.
     */
    public NorthApiException() {
    }

    /**
     * Makes one for a fault on the client's side.
     *
     * @param cause what happened
     */
    public NorthApiException(Throwable cause) {
        super(cause);
        this.httpMessage = cause == null ? "" : textOf(cause);
    }

    /**
     * Makes one for an error of the client's own.
     *
     * @param exceptionEnum which
     */
    public NorthApiException(ExceptionEnum exceptionEnum) {
        this(exceptionEnum, "");
    }

    /**
     * Makes one for an error of the client's own.
     *
     * @param exceptionEnum which
     * @param httpMessage what more there is to say; null counts as nothing
     */
    public NorthApiException(ExceptionEnum exceptionEnum, String httpMessage) {
        this.error_code = exceptionEnum.getErrorCode();
        this.error_desc = exceptionEnum.getErrorDesc();
        setHttpMessage(httpMessage);
    }

    NorthApiException(ExceptionEnum exceptionEnum, Throwable cause) {
        super(cause);
        this.error_code = exceptionEnum.getErrorCode();
        this.error_desc = exceptionEnum.getErrorDesc();
        this.httpMessage = textOf(cause);
    }

    /**
     * The code: a number of the contract ({@link ErrorCode}) or of the client's own ({@link ExceptionEnum}).
     *
     * @return digits, as a text
     */
    public String getError_code() {
        return error_code;
    }

    /**
     * The code.
     *
     * @param error_code digits, as a text
     */
    public void setError_code(String error_code) {
        this.error_code = error_code;
    }

    /**
     * The text of the code, verbatim as in the table of the operation.
     *
     * @return a sentence
     */
    public String getError_desc() {
        return error_desc;
    }

    /**
     * The text of the code.
     *
     * @param error_desc a sentence
     */
    public void setError_desc(String error_desc) {
        this.error_desc = error_desc;
    }

    /**
     * The status of the answer.
     *
     * @return an HTTP status, or -1 when the client itself failed
     */
    public int getHttpStatusCode() {
        return httpStatusCode;
    }

    /**
     * The status of the answer.
     *
     * @param httpStatusCode an HTTP status, or -1
     */
    public void setHttpStatusCode(int httpStatusCode) {
        this.httpStatusCode = httpStatusCode;
    }

    /**
     * What the status is called. The spelling of the name is the vendor's.
     *
     * @return the standard's phrase for it, or null without an answer
     */
    public String getHttpReasonPhase() {
        return httpReasonPhase;
    }

    /**
     * What the status is called.
     *
     * @param httpReasonPhase the phrase
     */
    public void setHttpReasonPhase(String httpReasonPhase) {
        this.httpReasonPhase = httpReasonPhase;
    }

    /**
     * The body of the answer for 1005, 1011 and 1012, the text of the cause for 1003, 1004 and 1006; empty otherwise.
     *
     * @return never null
     */
    public String getHttpMessage() {
        return httpMessage;
    }

    /**
     * What more there is to say.
     *
     * @param httpMessage a text; null counts as empty
     */
    public void setHttpMessage(String httpMessage) {
        this.httpMessage = httpMessage == null ? "" : httpMessage;
    }

    /**
     * What was wrong in this very request, in the platform's words. It is for people; do not parse it.
     *
     * @return a sentence, or null
     */
    public String getDetail() {
        return detail;
    }

    /**
     * The mark of the answer by which the operator finds it in the log.
     *
     * @return the header {@code x-request-id}, or null
     */
    public String getRequestId() {
        return requestId;
    }

    /**
     * Whether the same request may succeed later.
     *
     * @return true for a code of the contract that says so, and for a platform that could not be reached
     */
    public boolean isRetryable() {
        return ErrorCode.of(error_code).map(ErrorCode::isRetryable).orElseGet(this::neverCarried);
    }

    /**
     * Whether it is certain that nothing happened on the platform.
     *
     * @return true for a code of the contract that says so, and for what the client itself refused or could not send
     */
    public boolean isSurelyHarmless() {
        return ErrorCode.of(error_code).map(ErrorCode::isSurelyHarmless).orElseGet(() -> httpStatusCode == NO_STATUS && !afterwards());
    }

    @Override
    public String getMessage() {
        if (error_code == null) {
            return super.getMessage();
        }
        String more = detail != null ? detail : httpMessage;
        return error_code + " " + error_desc + (more.isEmpty() ? "" : " (" + more + ")");
    }

    @Override
    public String toString() {
        return "NorthApiException [error_code=" + error_code + ", error_desc=" + error_desc + ", httpStatusCode=" + httpStatusCode
            + ", httpReasonPhase=" + httpReasonPhase + ", httpMessage=" + httpMessage + "]";
    }

    void answered(int status, String phrase, String request) {
        this.httpStatusCode = status;
        this.httpReasonPhase = phrase;
        this.requestId = request;
    }

    void detail(String said) {
        this.detail = said;
    }

    private boolean neverCarried() {
        return ExceptionEnum.CLIENT_BEFORE_INVOK_ERROR.getErrorCode().equals(error_code);
    }

    private boolean afterwards() {
        return error_code == null || ExceptionEnum.CLIENT_AFTER_INVOK_ERROR.getErrorCode().equals(error_code);
    }

    private static String textOf(Throwable cause) {
        return cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }
}
